// SPDX-License-Identifier: MIT
#pragma once

#include <signal.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/unique_fd.hpp"
#include "worker/base/event_loop.hpp"

namespace prefork::internal {

// Turns SIGTERM and SIGINT into calls of `on_leave` on the loop's thread, and ignores SIGPIPE; also SIGHUP, SIGUSR1 and
// SIGUSR2, unless the application has a handler of its own for them, before or after. SIGTERM and SIGINT are blocked on
// this thread as long as the object lives; the destructor drops pending ones (the worker leaves as requested) and
// restores the previous mask. A signal that arrives while other code has it blocked is not lost: it stays pending and
// is read here.
class WorkerSignals final : public EventSource {
 public:
  static constexpr std::size_t harmless_count = 3;

  // Throws ExitError (os_error) if the kernel refuses.
  WorkerSignals(EventLoop& loop, std::function<void(int signal)> on_leave);
  ~WorkerSignals();
  WorkerSignals(const WorkerSignals&) = delete;
  WorkerSignals& operator=(const WorkerSignals&) = delete;

  void on_events(std::uint32_t events) override;

 private:
  EventLoop& loop_;
  std::function<void(int)> on_leave_;
  sigset_t mask_before_;
  struct sigaction pipe_before_;
  std::array<struct sigaction, harmless_count> harmless_before_{};
  preforkd::UniqueFd fd_;
};

}  // namespace prefork::internal
