// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "master/base/instant.hpp"

struct sd_event;

namespace preforkd {

// What is handled first when several things have happened. First the watchdog ping, which shows that the loop runs, and
// a worker's exit; a worker's messages come before the deadlines that they may move. Then come the callers on the
// message bus, who may be many: their calls never delay a deadline or what follows from it. Last come the messages of a
// worker that floods the master.
enum class Priority : int {
  watchdog = -50,
  worker_exit = -40,
  signal = -30,
  worker_message = -20,
  normal = 0,
  after_each = 10,
  bus = 20,
  flood = 40
};

// One thing that an EventLoop watches. Unregisters itself when it is destroyed or assigned to, also from within its own
// callback; so an object that owns a descriptor and its source declares the source after the descriptor.
class EventSource {
 public:
  EventSource() noexcept;
  EventSource(EventSource&&) noexcept;
  EventSource& operator=(EventSource&&) noexcept;
  ~EventSource();

  explicit operator bool() const noexcept { return registration_ != nullptr; }

  // Timers only: fires once at `when` (at once if that is in the past).
  void arm(Instant when) noexcept;
  // Descriptors only: waits for these from now on. With EPOLLET also if they have happened before.
  void watch(std::uint32_t events) noexcept;
  // Descriptors only: watches again after disarm().
  void enable() noexcept;
  void disarm() noexcept;

  // Ignores the source for the rest of `interval` once it was dispatched `burst` times in it, so that it cannot starve
  // others.
  void limit_rate(Duration interval, unsigned burst) noexcept;

  void set_priority(Priority priority) noexcept;

 private:
  friend class EventLoop;
  struct Registration;
  explicit EventSource(std::shared_ptr<Registration> registration) noexcept;
  std::shared_ptr<Registration> registration_;
};

// The master's one loop (sd-event). Every callback runs from one trampoline that catches and logs what it throws:
// nothing ends the master but exit(). The add_ functions throw std::system_error if the kernel or sd-event refuses.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // `events`: EPOLLIN, …, level-triggered without EPOLLET. The callback gets what happened. Borrows `fd`. The kernel
  // goes through all level-triggered descriptors that are ready, in each turn: where many can be, EPOLLET is cheaper.
  [[nodiscard]] EventSource add_io(int fd, std::uint32_t events, Priority priority,
                                   std::function<void(std::uint32_t)> callback);
  // A disarmed timer on CLOCK_MONOTONIC. It fires at most `accuracy` late, which lets the kernel join wake-ups.
  [[nodiscard]] EventSource add_timer(Priority priority, Duration accuracy, std::function<void()> callback);
  // Blocks `signal` in the process and takes it from a signalfd.
  [[nodiscard]] EventSource add_signal(int signal, Priority priority, std::function<void()> callback);
  // Runs after each turn in which another source was dispatched, before the sources of Priority::bus. If it throws, it
  // soon runs again, even if nothing else happens.
  [[nodiscard]] EventSource add_after_each(std::function<void()> callback);

  // Runs until exit() and returns its code. Throws std::system_error if the loop itself fails.
  int run();
  // One turn: waits at most `timeout` and dispatches one source. False if nothing happened or exit() was called.
  bool run_once(Duration timeout);
  void exit(int code) noexcept;

 private:
  sd_event* event_ = nullptr;
};

// The real CLOCK_MONOTONIC.
class SteadyClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const noexcept override;
};

}  // namespace preforkd
