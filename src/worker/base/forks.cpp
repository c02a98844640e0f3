// SPDX-License-Identifier: MIT
#include "worker/base/forks.hpp"

#include <pthread.h>

#include <atomic>

namespace prefork::internal {

namespace {
std::atomic<bool> forked{false};
std::atomic<unsigned> generation{0};
}  // namespace

void watch_forks() noexcept {
  [[maybe_unused]] static const int once =
      ::pthread_atfork([] { forked.store(true, std::memory_order_relaxed); }, nullptr,
                       [] {
                         forked.store(false, std::memory_order_relaxed);
                         generation.fetch_add(1, std::memory_order_relaxed);
                       });
}

bool have_forked() noexcept { return forked.load(std::memory_order_relaxed); }

unsigned fork_generation() noexcept { return generation.load(std::memory_order_relaxed); }

}  // namespace prefork::internal
