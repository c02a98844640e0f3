// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "base/unique_fd.hpp"
#include "worker/base/event_loop.hpp"

namespace prefork::internal {

// The worker's end of the control channel: reports once that there is no master any more.
//
// With it the worker no longer needs the parent-death signal that a master sets when it was started by hand: that
// signal would also end a worker of a master that is about to be replaced. So the constructor clears it.
class Lifeline final : public EventSource {
 public:
  // Takes over `control_fd`. Throws ExitError (os_error) if it is not a socket or epoll rejects it.
  Lifeline(EventLoop& loop, preforkd::UniqueFd control_fd, std::function<void()> on_end);
  ~Lifeline();
  Lifeline(const Lifeline&) = delete;
  Lifeline& operator=(const Lifeline&) = delete;

  void on_events(std::uint32_t events) override;

 private:
  EventLoop& loop_;
  preforkd::UniqueFd fd_;
  std::function<void()> on_end_;
};

}  // namespace prefork::internal
