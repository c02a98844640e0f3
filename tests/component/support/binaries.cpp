// SPDX-License-Identifier: MIT
#include "support/binaries.hpp"

#include <unistd.h>

#include <cstdlib>

namespace preforkd::component::binaries {

const std::string preforkd = PREFORKD_BINARY;
const std::string preforkd_generator = PREFORKD_GENERATOR_BINARY;
const std::string preforkctl = PREFORKCTL_BINARY;
const std::string preforkd_exporter = PREFORKD_EXPORTER_BINARY;
const std::string preforkd_agent = PREFORKD_AGENT_BINARY;
const std::string prefork_echo = PREFORK_ECHO_BINARY;
const std::string bus_policy = PREFORKD_BUS_POLICY;
const std::string interface_folder = PREFORKD_INTERFACES;
const std::string wall_clock_library = TEST_WALL_CLOCK_LIBRARY;

std::string worker(const std::string& name) {
  const char* const elsewhere = std::getenv("PREFORKD_TEST_WORKERS");
  return std::string(elsewhere != nullptr ? elsewhere : PREFORKD_TEST_WORKERS) + "/" + name;
}

std::string other_version(const std::string& name) {
  const std::string path = std::string(PREFORKD_OTHER_VERSIONS) + "/" + name;
  return ::access(path.c_str(), X_OK) == 0 ? path : std::string();
}

std::string example(const std::string& name) { return std::string(PREFORKD_EXAMPLES "/example_") + name; }

std::string systemd_socket_activate() {
  for (const char* path : {"/usr/bin/systemd-socket-activate", "/bin/systemd-socket-activate"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return {};
}

}  // namespace preforkd::component::binaries
