// SPDX-License-Identifier: MIT
#include <cstdio>
#include <exception>
#include <string>
#include <utility>

#include "base/errors.hpp"
#include "base/process_title.hpp"
#include "config/config.hpp"
#include "master/base/log.hpp"
#include "master/master.hpp"
#include "master/options.hpp"
#include "master/process_setup.hpp"

namespace preforkd {
namespace {

int print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return std::fflush(stdout) == 0 ? exit_code::ok : exit_code::failure;
}

int refuse(const ConfigFailure& failure) {
  for (const std::string& line : failure.lines) log::error(line);
  return failure.exit_code;
}

int run(int argc, char** argv) {
  const ProcessSetup setup = set_up_process();
  adopt_process_title(argc, argv);
  const Options options = parse_options(argc, argv);
  if (options.action == Options::Action::help) return print(help_text());
  if (options.action == Options::Action::version) return print(version_text());

  tl::expected<PoolConfig, ConfigFailure> config = load_config(options.source);
  if (!config) return refuse(config.error());
  if (options.action == Options::Action::check)
    return print("pool \"" + config->name + "\": the configuration is valid\n");

  log::open(log::find_sink(), options.log_level);
  Master master(options.source, *config, setup, bus_address(options.bus));
  return master.run();
}

}  // namespace
}  // namespace preforkd

int main(int argc, char** argv) {
  using namespace preforkd;
  // Until the pool runs, lines are for the person or the script that typed the command.
  log::open(log::stderr_is_journal() ? log::Sink::journal : log::Sink::plain, log::Level::info);
  try {
    return run(argc, argv);
  } catch (const StartupError& error) {
    log::error(error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    log::error(error.what());
    return exit_code::os_error;
  }
}
