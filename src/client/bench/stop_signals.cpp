// SPDX-License-Identifier: MIT
#include "client/bench/stop_signals.hpp"

namespace preforkd::client {
namespace {

volatile std::sig_atomic_t received = 0;

void count_one(int) { received = received + 1; }

}  // namespace

StopSignals::StopSignals() {
  received = 0;
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGINT);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, &previous_mask_);
  struct sigaction action {};
  action.sa_handler = count_one;
  sigaction(SIGINT, &action, &previous_int_);
  sigaction(SIGTERM, &action, &previous_term_);
}

StopSignals::~StopSignals() {
  sigaction(SIGINT, &previous_int_, nullptr);
  sigaction(SIGTERM, &previous_term_, nullptr);
  sigprocmask(SIG_SETMASK, &previous_mask_, nullptr);
}

int StopSignals::count() const noexcept { return received; }

}  // namespace preforkd::client
