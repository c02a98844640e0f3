// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {

// The test's own dbus-daemon, to which every user may connect.
class MessageBus {
 public:
  enum class Policy {
    open,       // every user may do everything
    installed,  // that of a system bus, with systemd/org.preforkd1.conf
  };
  explicit MessageBus(Policy policy = Policy::open);

  // The same for each daemon that start() starts.
  [[nodiscard]] std::string address() const { return "unix:path=" + folder_.path() + "/bus"; }
  void start();
  void stop();
  [[nodiscard]] const Process& daemon() const { return *daemon_; }

 private:
  [[nodiscard]] std::string policy() const;

  const Policy policy_;
  TempDir folder_;
  std::optional<Process> daemon_;
};

}  // namespace preforkd::component
