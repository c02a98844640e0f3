// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <variant>

#include "base/errors.hpp"
#include "client/bench/bench_report.hpp"
#include "client/options.hpp"

namespace {

using namespace preforkd::client;
namespace exit_code = preforkd::exit_code;

int run(const OneShotOptions& options) { return run_one_shot(options, STDOUT_FILENO); }

int run(const InteractiveOptions& options) { return run_interactive(options, STDIN_FILENO, STDOUT_FILENO); }

// Output that cannot be written, for instance because the disk is full, is a failure.
bool print(const std::string& text) { return std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0; }

int run(const PrintCommand& command) { return print(command.text) ? exit_code::ok : exit_code::failure; }

// Written at once, on a line of its own: the caller of this program waits for it.
void tell_holding(std::uint32_t connections) {
  std::printf("holding %u connections\n", connections);
  std::fflush(stdout);
}

int run(const BenchCommand& command) {
  const preforkd::Result<BenchResult> result = run_bench(command.options, tell_holding);
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().text.c_str());
    return exit_code::failure;
  }
  const auto report = command.json ? report_json : report_text;
  const bool printed = print(report(command.options, *result));
  return printed && result->failures.count() == 0 ? exit_code::ok : exit_code::failure;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return std::visit([](const auto& command) { return run(command); }, parse_options(argc, argv));
  } catch (const preforkd::ExitError& error) {
    std::fprintf(stderr, "prefork-client: %s\nTry 'prefork-client --help'.\n", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "prefork-client: %s\n", error.what());
  }
  return exit_code::failure;
}
