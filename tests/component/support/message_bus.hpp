// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {

// A message bus of the test's own (dbus-daemon), which lets everybody do everything.
class MessageBus {
 public:
  // Waits until it listens. Throws HarnessError if it cannot be started.
  MessageBus();

  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  // Ends it.
  void stop() { process_.reset(); }

 private:
  TempDir folder_;
  std::string address_;
  std::optional<Process> process_;
};

}  // namespace preforkd::component
