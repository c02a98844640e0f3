// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "worker/base/error_policy.hpp"
#include "worker/base/event_loop.hpp"

namespace prefork::internal {

// Requests of other threads and signal handlers to the loop's thread: calls to run, and to stop. An eventfd wakes the
// loop. Replies share the queue with the server, and may outlive it.
class PostQueue final : public EventSource {
 public:
  // Throws std::system_error if the kernel has no eventfd.
  PostQueue(EventLoop& loop, const ErrorPolicy& errors);
  ~PostQueue();
  PostQueue(const PostQueue&) = delete;
  PostQueue& operator=(const PostQueue&) = delete;

  // The loop's thread is this one, from now on; or it is none.
  void begin_run() noexcept { thread_.store(std::this_thread::get_id(), std::memory_order_relaxed); }
  void end_run() noexcept { thread_.store(std::thread::id(), std::memory_order_relaxed); }
  [[nodiscard]] bool runs_here() const noexcept {
    return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  // The end of the loop: what is posted from now on is dropped, and so is what has not run.
  void close() noexcept;

  // Runs `call` on the loop's thread in one of its next turns. Any thread.
  void post(std::function<void()> call);
  // Makes stop_requested() true and wakes the loop. Any thread, safe in a signal handler.
  void request_stop() noexcept;
  [[nodiscard]] bool stop_requested() const noexcept { return stop_.load(std::memory_order_acquire); }
  // Makes the next request_stop() count again.
  void clear_stop() noexcept { stop_.store(false, std::memory_order_release); }

  // Runs what was posted before this turn; calls posted by those calls wait for the next one. A call that throws does
  // not affect the others.
  void on_events(std::uint32_t events) override;

 private:
  void wake() noexcept;

  EventLoop& loop_;
  const ErrorPolicy& errors_;
  preforkd::UniqueFd event_;
  std::atomic<bool> stop_{false};
  std::atomic<std::thread::id> thread_{};
  std::mutex mutex_;
  bool closed_ = false;                       // guarded by mutex_
  std::vector<std::function<void()>> calls_;  // guarded by mutex_
};
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace prefork::internal
