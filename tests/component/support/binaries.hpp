// SPDX-License-Identifier: MIT
#pragma once

#include <string>

// Where the build has put the programs under test.
namespace preforkd::component::binaries {

inline const std::string preforkd = PREFORKD_BINARY;
inline const std::string prefork_echo = PREFORK_ECHO_BINARY;

// A program of tests/workers.
inline std::string worker(const std::string& name) { return std::string(PREFORKD_TEST_WORKERS) + "/" + name; }

// Empty if it is not installed.
std::string systemd_socket_activate();

}  // namespace preforkd::component::binaries
