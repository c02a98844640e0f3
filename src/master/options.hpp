// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "config/config.hpp"
#include "master/base/log.hpp"
#include "master/bus/bus_choice.hpp"

namespace preforkd {

// What the command line asks for.
struct Options {
  enum class Action { run, check, check_upgrade, help, version };
  Action action = Action::run;
  ConfigSource source;  // empty for help and version
  log::Level log_level = log::Level::info;
  log::Sink log_target = log::find_sink();
  bool log_time = false;
  BusChoice bus;
  std::string socket_unit;  // of the service that this is; empty: started by hand
};

// Throws ExitError with exit_code::usage; its one line names option, value and reason and points to --help.
// Values that belong in a config are only collected here: load_config() checks them like those of a file.
[[nodiscard]] Options parse_options(int argc, const char* const* argv);

// The output of --help and --version, with the final newline.
[[nodiscard]] std::string help_text();
[[nodiscard]] std::string version_text();

}  // namespace preforkd
