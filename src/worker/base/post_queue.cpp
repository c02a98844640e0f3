// SPDX-License-Identifier: MIT
#include "worker/base/post_queue.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace prefork::internal {

PostQueue::PostQueue(EventLoop& loop, const ErrorPolicy& errors)
    : loop_(loop), errors_(errors), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) throw std::system_error(errno, std::generic_category(), "eventfd");
  if (const int error = loop_.add(event_.get(), EPOLLIN, *this); error != 0) {
    throw std::system_error(error, std::generic_category(), "epoll_ctl");
  }
}

PostQueue::~PostQueue() { close(); }

void PostQueue::close() noexcept {
  std::vector<std::function<void()>> dropped;  // without the lock: a call may own a reply, which posts at its end
  const std::lock_guard lock(mutex_);
  if (!std::exchange(closed_, true)) loop_.remove(event_.get(), *this);
  dropped.swap(calls_);
}

void PostQueue::post(std::function<void()> call) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    first = calls_.empty();
    calls_.push_back(std::move(call));
  }
  if (first) wake();
}

void PostQueue::request_stop() noexcept {
  stop_.store(true, std::memory_order_release);
  wake();
}

void PostQueue::wake() noexcept {
  const int saved = errno;
  const std::uint64_t one = 1;
  // A full counter (EAGAIN) has woken the loop already.
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
  errno = saved;
}

void PostQueue::on_events(std::uint32_t) {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(event_.get(), &count, sizeof count);
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard lock(mutex_);
    calls.swap(calls_);
  }
  for (const std::function<void()>& call : calls) errors_.run("posted call", call);
}

}  // namespace prefork::internal
