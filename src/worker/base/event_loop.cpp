// SPDX-License-Identifier: MIT
#include "worker/base/event_loop.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include "wire/busy_time.hpp"
#include "worker/base/forks.hpp"

namespace prefork::internal {

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), fork_generation_(0) {
  watch_forks();
  fork_generation_ = fork_generation();
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  read_clock();
}

int EventLoop::add(int fd, std::uint32_t events, EventSource& source) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &source;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

int EventLoop::modify(int fd, std::uint32_t events, EventSource& source) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &source;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0 ? 0 : errno;
}

void EventLoop::remove(int fd, EventSource& source) noexcept {
  epoll_event unused{};
  // A forked child that destroys its copy of a server must not end the registrations of its parent.
  if (!is_copy()) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &unused);
  forget(source);
}

bool EventLoop::is_copy() const noexcept { return fork_generation() != fork_generation_; }

void EventLoop::forget(EventSource& source) noexcept {
  for (std::size_t i = next_; i < count_; ++i) {
    if (events_[i].data.ptr == &source) events_[i].data.ptr = nullptr;
  }
}

void EventLoop::count_busy_time(std::atomic<std::uint64_t>& word) noexcept {
  busy_word_ = &word;
  be_busy();
}

void EventLoop::be_busy() noexcept {
  busy_since_ = now_;
  if (busy_word_ == nullptr) return;
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  busy_word_->store(preforkd::busy_with(duration_cast<microseconds>(busy_),
                                        duration_cast<microseconds>(busy_since_.time_since_epoch())),
                    std::memory_order_relaxed);
}

void EventLoop::rests_from(TimePoint now) noexcept {
  rests_ = true;
  busy_ += now - busy_since_;
  if (busy_word_ == nullptr) return;
  busy_word_->store(preforkd::rests_with(std::chrono::duration_cast<std::chrono::microseconds>(busy_)),
                    std::memory_order_relaxed);
}

void EventLoop::turn(int timeout_ms) {
  next_ = count_ = 0;
  const int ready = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(batch), timeout_ms);
  if (ready < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "epoll_wait");
  read_clock();
  if (std::exchange(rests_, false)) be_busy();
  count_ = ready < 0 ? 0 : static_cast<std::size_t>(ready);
  while (next_ < count_) {
    const epoll_event& event = events_[next_++];
    if (event.data.ptr != nullptr) static_cast<EventSource*>(event.data.ptr)->on_events(event.events);
  }
}

}  // namespace prefork::internal
