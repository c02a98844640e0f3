// SPDX-License-Identifier: MIT
#pragma once

#include <signal.h>

#include <cstdint>

#include "worker/base/event_loop.hpp"

namespace prefork::internal {

// Counts SIGTERM and SIGINT for the loop, and keeps SIGPIPE, SIGHUP, SIGUSR1 and SIGUSR2 from ending the process, as
// long as the object lives. All objects of a process hear each signal, on whichever thread it arrives.
//
// These are handlers: SIGTERM and SIGINT count atomically and write to an eventfd of each object, the others do
// nothing. The first object of a process installs them, the last one restores what was there before. A handler that the
// application installs meanwhile stays; so does a handler or SIG_IGN of its own for one of the other four.
//
// Rejected: to block the signals and read a signalfd. A thread that existed before, for instance of a library, has them
// unblocked: it would get SIGTERM, and its default action ends the process without a drain. And programs that a worker
// executes inherit blocked and ignored signals, while exec resets handlers.
//
// A child process after fork() has the handlers, too, until it executes a program. There they restore the default
// action and raise the signal again, so it ends the child and the worker hears nothing.
class WorkerSignals final : public EventSource {
 public:
  // Throws std::system_error if the kernel has no eventfd.
  explicit WorkerSignals(EventLoop& loop);
  ~WorkerSignals();
  WorkerSignals(const WorkerSignals&) = delete;
  WorkerSignals& operator=(const WorkerSignals&) = delete;

  // The number of SIGTERM and SIGINT since the construction or forget(), as of the last turn of the loop.
  [[nodiscard]] unsigned seen() const noexcept { return seen_; }
  void forget() noexcept;

  void on_events(std::uint32_t events) override;

  struct Receiver;  // what the handler writes to

 private:
  EventLoop& loop_;
  Receiver& receiver_;
  unsigned seen_ = 0;
};

// Lets SIGTERM and SIGINT through to this thread, whatever the mask that it has inherited. The destructor restores the
// mask.
class LeavingSignalsUnblocked {
 public:
  LeavingSignalsUnblocked() noexcept;
  ~LeavingSignalsUnblocked();
  LeavingSignalsUnblocked(const LeavingSignalsUnblocked&) = delete;
  LeavingSignalsUnblocked& operator=(const LeavingSignalsUnblocked&) = delete;

 private:
  sigset_t mask_before_;
};

}  // namespace prefork::internal
