// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>

namespace preforkd::client {

// While it lives, SIGINT and SIGTERM are counted instead of ending the process. They are delivered only during a wait
// with wait_mask() (epoll_pwait), so that none is missed between reading count() and waiting. Only one object at a
// time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  [[nodiscard]] int count() const noexcept;
  [[nodiscard]] const sigset_t& wait_mask() const noexcept { return previous_mask_; }

 private:
  sigset_t previous_mask_{};
  struct sigaction previous_int_ {};
  struct sigaction previous_term_ {};
};

}  // namespace preforkd::client
