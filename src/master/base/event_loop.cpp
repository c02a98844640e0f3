// SPDX-License-Identifier: MIT
#include "master/base/event_loop.hpp"

#include <signal.h>
#include <sys/signalfd.h>
#include <systemd/sd-event.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "master/base/log.hpp"

namespace preforkd {

struct EventSource::Registration : std::enable_shared_from_this<Registration> {
  explicit Registration(std::function<void(std::uint32_t)> what) : callback(std::move(what)) {}
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration() { unregister(); }

  void unregister() noexcept { source = sd_event_source_disable_unref(source); }

  // The one way from libsystemd's C frames into our code. The copy keeps the callback alive if it destroys its own
  // source.
  void dispatch(std::uint32_t events) noexcept {
    const std::shared_ptr<Registration> keep = weak_from_this().lock();
    try {
      callback(events);
    } catch (const std::exception& error) {
      log::error("internal error, an event was not fully handled:");  // two lines: joining them might throw again
      log::error(error.what());
    } catch (...) {
      log::error("internal error, an event was not fully handled");
    }
  }
  static Registration& of(void* userdata) noexcept { return *static_cast<Registration*>(userdata); }

  sd_event_source* source = nullptr;
  std::function<void(std::uint32_t)> callback;
};

EventSource::EventSource() noexcept = default;
EventSource::EventSource(EventSource&&) noexcept = default;
EventSource::EventSource(std::shared_ptr<Registration> registration) noexcept
    : registration_(std::move(registration)) {}
EventSource::~EventSource() {
  if (registration_) registration_->unregister();
}

EventSource& EventSource::operator=(EventSource&& other) noexcept {
  if (this != &other) {
    if (registration_) registration_->unregister();
    registration_ = std::move(other.registration_);
  }
  return *this;
}

void EventSource::arm(Instant when) noexcept {
  const auto usec = std::max<Duration::rep>(when.time_since_epoch().count(), 0);
  sd_event_source_set_time(registration_->source, static_cast<std::uint64_t>(usec));
  sd_event_source_set_enabled(registration_->source, SD_EVENT_ONESHOT);
}

void EventSource::watch(std::uint32_t events) noexcept { sd_event_source_set_io_events(registration_->source, events); }
void EventSource::enable() noexcept { sd_event_source_set_enabled(registration_->source, SD_EVENT_ON); }
void EventSource::disarm() noexcept { sd_event_source_set_enabled(registration_->source, SD_EVENT_OFF); }

void EventSource::limit_rate(Duration interval, unsigned burst) noexcept {
  sd_event_source_set_ratelimit(registration_->source, static_cast<std::uint64_t>(interval.count()), burst);
}

void EventSource::set_priority(Priority priority) noexcept {
  sd_event_source_set_priority(registration_->source, static_cast<std::int64_t>(priority));
}

namespace {

constexpr Duration moment = std::chrono::milliseconds(100);

void check(int result, const char* what) {
  if (result < 0) throw std::system_error(-result, std::system_category(), what);
}

void set_priority(sd_event_source* source, Priority priority) {
  check(sd_event_source_set_priority(source, static_cast<std::int64_t>(priority)), "cannot set an event's priority");
}

}  // namespace

EventLoop::EventLoop() { check(sd_event_new(&event_), "cannot make an event loop"); }
EventLoop::~EventLoop() { sd_event_unref(event_); }

EventSource EventLoop::add_io(int fd, std::uint32_t events, Priority priority,
                              std::function<void(std::uint32_t)> callback) {
  auto registration = std::make_shared<EventSource::Registration>(std::move(callback));
  const auto trampoline = [](sd_event_source*, int, std::uint32_t happened, void* userdata) {
    EventSource::Registration::of(userdata).dispatch(happened);
    return 0;
  };
  check(sd_event_add_io(event_, &registration->source, fd, events, trampoline, registration.get()),
        "cannot watch a descriptor");
  set_priority(registration->source, priority);
  return EventSource(std::move(registration));
}

EventSource EventLoop::add_timer(Priority priority, Duration accuracy, std::function<void()> callback) {
  auto registration =
      std::make_shared<EventSource::Registration>([run = std::move(callback)](std::uint32_t) { run(); });
  const auto trampoline = [](sd_event_source*, std::uint64_t, void* userdata) {
    EventSource::Registration::of(userdata).dispatch(0);
    return 0;
  };
  // sd-event reads an accuracy of 0 as its default of 250 ms.
  const auto slack = std::max<std::uint64_t>(static_cast<std::uint64_t>(accuracy.count()), 1);
  check(sd_event_add_time(event_, &registration->source, CLOCK_MONOTONIC, 0, slack, trampoline, registration.get()),
        "cannot make a timer");
  check(sd_event_source_set_enabled(registration->source, SD_EVENT_OFF), "cannot make a timer");
  set_priority(registration->source, priority);
  return EventSource(std::move(registration));
}

EventSource EventLoop::add_signal(int signal, Priority priority, std::function<void()> callback) {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, signal);
  if (sigprocmask(SIG_BLOCK, &mask, nullptr) != 0) check(-errno, "cannot block a signal");
  auto registration =
      std::make_shared<EventSource::Registration>([run = std::move(callback)](std::uint32_t) { run(); });
  const auto trampoline = [](sd_event_source*, const signalfd_siginfo*, void* userdata) {
    EventSource::Registration::of(userdata).dispatch(0);
    return 0;
  };
  check(sd_event_add_signal(event_, &registration->source, signal, trampoline, registration.get()),
        "cannot watch a signal");
  set_priority(registration->source, priority);
  return EventSource(std::move(registration));
}

EventSource EventLoop::add_after_each(std::function<void()> callback) {
  const auto retry = std::make_shared<EventSource>(add_timer(Priority::normal, moment, [] {}));
  auto registration = std::make_shared<EventSource::Registration>([run = std::move(callback), retry](std::uint32_t) {
    try {
      run();
    } catch (...) {
      retry->arm(SteadyClock().now() + moment);
      throw;
    }
  });
  const auto trampoline = [](sd_event_source*, void* userdata) {
    EventSource::Registration::of(userdata).dispatch(0);
    return 0;
  };
  check(sd_event_add_post(event_, &registration->source, trampoline, registration.get()),
        "cannot watch the event loop");
  set_priority(registration->source, Priority::after_each);
  return EventSource(std::move(registration));
}

int EventLoop::run() {
  const int code = sd_event_loop(event_);
  check(code, "the event loop failed");
  return code;
}

bool EventLoop::run_once(Duration timeout) {
  if (sd_event_get_state(event_) == SD_EVENT_FINISHED) return false;
  const int result = sd_event_run(event_, static_cast<std::uint64_t>(timeout.count()));
  check(result, "the event loop failed");
  return result > 0;
}

void EventLoop::exit(int code) noexcept { sd_event_exit(event_, code); }

Instant SteadyClock::now() const noexcept {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

}  // namespace preforkd
