// SPDX-License-Identifier: MIT
#include "worker/base/user_timers.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace prefork::internal {

namespace {
using std::chrono::milliseconds;

constexpr unsigned place_bits = 24;
constexpr std::uint64_t place_mask = (std::uint64_t{1} << place_bits) - 1;
static_assert(UserTimers::most_timers == place_mask + 1);
}  // namespace

struct UserTimers::Timer final : TimerNode {
  Timer(UserTimers& owner_, std::uint64_t id_, milliseconds interval_, std::function<void()> callback_)
      : owner(owner_), id(id_), interval(interval_), callback(std::move(callback_)) {}
  ~Timer() { owner.wheel_.cancel(*this); }

  void on_timer() override {
    if (interval.count() == 0) {
      // Removed before it runs, so its own id has no effect in the callback.
      const std::function<void()> call = std::move(callback);
      const ErrorPolicy& errors = owner.errors_;
      owner.retire(*this);
      errors.run("timer", call);
      return;
    }
    running = true;
    owner.errors_.run("timer", callback);
    ran();
  }

  void ran() noexcept {
    running = false;
    if (cancelled) return owner.retire(*this);
    due = next_call(due, interval, owner.loop_.now());
    owner.wheel_.arm(*this, due);
  }

  UserTimers& owner;
  std::uint64_t id;
  milliseconds interval;  // 0: once
  EventLoop::TimePoint due;
  std::function<void()> callback;
  bool running = false;
  bool cancelled = false;
};

UserTimers::UserTimers(const EventLoop& loop, TimerWheel& wheel, const ErrorPolicy& errors, std::size_t max_timers)
    : loop_(loop), wheel_(wheel), errors_(errors), max_timers_(std::min(max_timers, most_timers)) {}

UserTimers::~UserTimers() = default;

std::uint64_t UserTimers::add(milliseconds delay, milliseconds interval, std::function<void()> callback) {
  if (free_places_.empty()) {
    if (timers_.size() >= max_timers_) {
      throw std::length_error("a worker can have at most " + std::to_string(max_timers_) + " timers");
    }
    free_places_.reserve(timers_.size() + 1);  // so that retire() never allocates
    timers_.emplace_back();
    free_places_.push_back(timers_.size() - 1);
  }
  const std::size_t place = free_places_.back();
  const std::uint64_t id = (last_serial_ + 1) << place_bits | place;
  timers_[place] = std::make_unique<Timer>(*this, id, std::min(interval, max_delay), std::move(callback));
  free_places_.pop_back();
  ++last_serial_;
  Timer& timer = *timers_[place];
  // From now, not from the beginning of the turn: a callback may have taken long, and a timer is never early.
  timer.due = std::chrono::steady_clock::now() + std::clamp(delay, milliseconds(0), max_delay);
  wheel_.arm(timer, timer.due);
  return id;
}

void UserTimers::cancel(std::uint64_t id) noexcept {
  const std::size_t place = id & place_mask;
  if (place >= timers_.size() || timers_[place] == nullptr || timers_[place]->id != id) return;
  Timer& timer = *timers_[place];
  if (timer.running) {
    timer.cancelled = true;
  } else {
    retire(timer);
  }
}

// The calls that a long turn made the timer miss are left out.
EventLoop::TimePoint UserTimers::next_call(EventLoop::TimePoint due, milliseconds interval,
                                           EventLoop::TimePoint now) noexcept {
  const auto missed = std::max(now - due, EventLoop::TimePoint::duration(0)) / interval;
  return due + (missed + 1) * interval;
}

void UserTimers::retire(Timer& timer) noexcept {
  const std::size_t place = timer.id & place_mask;
  timers_[place].reset();
  free_places_.push_back(place);
}

}  // namespace prefork::internal
