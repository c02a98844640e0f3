// SPDX-License-Identifier: MIT
#pragma once

#include <string>

// The paths of the programs under test in the build folder.
namespace preforkd::component::binaries {

extern const std::string preforkd;
extern const std::string preforkd_generator;
extern const std::string preforkctl;
extern const std::string preforkd_exporter;
extern const std::string preforkd_agent;
extern const std::string prefork_echo;

extern const std::string bus_policy;          // systemd/org.preforkd1.conf
extern const std::string interface_folder;    // src/dbus
extern const std::string wall_clock_library;  // preload/wall_clock.cpp

// A program of tests/workers; $PREFORKD_TEST_WORKERS names another folder that has them.
[[nodiscard]] std::string worker(const std::string& name);

// A program of tests/other_versions. Empty if it is not built.
[[nodiscard]] std::string other_version(const std::string& name);

// A program of src/worker/examples.
[[nodiscard]] std::string example(const std::string& name);

// Empty if it is not installed.
[[nodiscard]] std::string systemd_socket_activate();

}  // namespace preforkd::component::binaries
