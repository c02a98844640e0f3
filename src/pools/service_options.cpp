// SPDX-License-Identifier: MIT
#include "pools/service_options.hpp"

#include <getopt.h>

#include <array>
#include <cstdio>
#include <exception>

#include "base/errors.hpp"
#include "base/escape.hpp"
#include "base/refused_option.hpp"
#include "base/time_span.hpp"

namespace preforkd {
namespace {

constexpr const char* options_help = R"(
  --address=ADDRESS  ask the pools on the message bus at this D-Bus address
  --user             ask the pools on the bus of the user (default: the system bus)
  --idle-exit=TIME   end after this time without a client (default: 2min)
  -h, --help, --version

systemd starts it when a client connects. By hand: systemd-socket-activate -l PORT )";

constexpr auto long_options = std::to_array<option>({
    {"address", required_argument, nullptr, 'a'},
    {"user", no_argument, nullptr, 'u'},
    {"idle-exit", required_argument, nullptr, 'i'},
    {"help", no_argument, nullptr, 'h'},
    {"version", no_argument, nullptr, 'v'},
    {nullptr, 0, nullptr, 0},
});

std::chrono::milliseconds idle_exit(const char* text) {
  const Result<Duration> time = parse_time_span(text);
  if (!time) throw ExitError(exit_code::usage, "--idle-exit: " + time.error().text);
  return std::chrono::ceil<std::chrono::milliseconds>(*time);
}

}  // namespace

ServiceOptions parse_service_options(int argc, char* const* argv, const std::string& program,
                                     const std::string& purpose) {
  ServiceOptions options;
  optind = 0;
  opterr = 0;
  for (int found = 0; (found = getopt_long(argc, argv, "+h", long_options.data(), nullptr)) != -1;) {
    switch (found) {
      case 'a':
        options.bus = {BusTarget::Kind::address, false, optarg};
        break;
      case 'u':
        options.bus = {BusTarget::Kind::local, true, ""};
        break;
      case 'i':
        options.idle_exit = idle_exit(optarg);
        break;
      case 'h':
        options.print = "usage: " + program + " [OPTION]...\n\n" + purpose + options_help + program + '\n';
        return options;
      case 'v':
        options.print = program + " " PREFORKD_VERSION "\n";
        return options;
      default:
        throw ExitError(exit_code::usage, refused_option(argv[optind - 1], optopt, long_options.data()));
    }
  }
  if (optind < argc) throw ExitError(exit_code::usage, in_quotes(argv[optind]) + ": there are only options");
  return options;
}

int run_service(int argc, char* const* argv, const std::string& program, const std::string& purpose,
                int (*serve)(const ServiceOptions& options)) {
  try {
    const ServiceOptions options = parse_service_options(argc, argv, program, purpose);
    if (!options.print) return serve(options);
    return std::fputs(options.print->c_str(), stdout) >= 0 ? exit_code::ok : exit_code::failure;
  } catch (const ExitError& error) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), error.what());
    return exit_code::failure;
  }
}

}  // namespace preforkd
