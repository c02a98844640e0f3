// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {

// A dbus-daemon of the test's own. Like a system bus it lets every user in; unlike it, everybody may own any name.
class MessageBus {
 public:
  MessageBus();

  // The same for every daemon that start() makes.
  [[nodiscard]] std::string address() const { return "unix:path=" + folder_.path() + "/bus"; }
  void start();
  void stop();
  [[nodiscard]] const Process& daemon() const { return *daemon_; }

 private:
  TempDir folder_;
  std::optional<Process> daemon_;
};

}  // namespace preforkd::component
