// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <string>

#include "ctl/command/command_line.hpp"

namespace preforkd::ctl {

// polkit's agent for terminals, pkttyagent(1), while this object lives: it asks for the password that polkit requires,
// as with systemctl. If the session has an agent already (a desktop), that one asks.
class PasswordAgent {
 public:
  // Whether a password could be typed here and would be needed: a terminal, not root, the system bus of this machine,
  // no --no-ask-password.
  [[nodiscard]] static bool wanted(const Options& options);

  // Starts the program, found in $PATH, and waits until it has registered or ended. A missing program is not an error.
  explicit PasswordAgent(const std::string& program);
  PasswordAgent(const PasswordAgent&) = delete;
  PasswordAgent& operator=(const PasswordAgent&) = delete;
  // Ends it.
  ~PasswordAgent();

 private:
  pid_t pid_ = -1;
};

}  // namespace preforkd::ctl
