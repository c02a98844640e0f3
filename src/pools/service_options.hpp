// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "pools/bus/bus_target.hpp"

namespace preforkd {

// The command line of a socket-activated service that asks pools.
struct ServiceOptions {
  BusTarget bus;
  std::chrono::milliseconds idle_exit = std::chrono::minutes(2);  // ends after this time without a client
  std::optional<std::string> print;                               // --help, --version: print this and do nothing else
};

// `purpose` is the middle of the help: what the service does, in whole lines. Throws ExitError (64).
[[nodiscard]] ServiceOptions parse_service_options(int argc, char* const* argv, const std::string& program,
                                                   const std::string& purpose);

// The main() of such a service: prints the help or calls `serve`. Returns the exit status of the process; an error is
// printed.
[[nodiscard]] int run_service(int argc, char* const* argv, const std::string& program, const std::string& purpose,
                              int (*serve)(const ServiceOptions& options));

}  // namespace preforkd
