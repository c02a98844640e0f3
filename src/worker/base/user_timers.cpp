// SPDX-License-Identifier: MIT
#include "worker/base/user_timers.hpp"

#include <algorithm>
#include <utility>

namespace prefork::internal {

namespace {
constexpr unsigned place_bits = 24;
constexpr std::uint64_t place_mask = (std::uint64_t{1} << place_bits) - 1;
}  // namespace

struct UserTimers::Timer final : TimerNode {
  Timer(UserTimers& owner_, std::uint64_t id_, std::chrono::milliseconds interval_, std::function<void()> callback_)
      : owner(owner_), id(id_), interval(interval_), callback(std::move(callback_)) {}
  ~Timer() { owner.wheel_.cancel(*this); }

  void on_timer() override {
    if (interval.count() == 0) {
      // Removed before it runs: its own id has no effect in the callback, and a callback may throw.
      const std::function<void()> call = std::move(callback);
      owner.retire(*this);
      call();
      return;
    }
    running = true;
    struct Guard {
      Timer& timer;
      ~Guard() { timer.ran(); }
    } guard{*this};
    callback();
  }

  void ran() noexcept {
    running = false;
    if (cancelled) return owner.retire(*this);
    // If a turn took longer than an interval, the missed calls are left out.
    do due += interval;
    while (due <= owner.loop_.now());
    owner.wheel_.arm(*this, due);
  }

  UserTimers& owner;
  std::uint64_t id;
  std::chrono::milliseconds interval;  // 0: once
  EventLoop::TimePoint due;
  std::function<void()> callback;
  bool running = false;
  bool cancelled = false;
};

UserTimers::UserTimers(const EventLoop& loop, TimerWheel& wheel) : loop_(loop), wheel_(wheel) {}

UserTimers::~UserTimers() = default;

std::uint64_t UserTimers::add(std::chrono::milliseconds delay, std::chrono::milliseconds interval,
                              std::function<void()> callback) {
  if (free_places_.empty()) {
    free_places_.reserve(timers_.size() + 1);  // so that retire() never allocates
    timers_.emplace_back();
    free_places_.push_back(timers_.size() - 1);
  }
  const std::size_t place = free_places_.back();
  const std::uint64_t id = (last_serial_ + 1) << place_bits | place;
  timers_[place] = std::make_unique<Timer>(*this, id, interval, std::move(callback));
  free_places_.pop_back();
  ++last_serial_;
  Timer& timer = *timers_[place];
  // From now, not from the beginning of the turn: a callback may have taken long, and a timer is never early.
  timer.due = std::chrono::steady_clock::now() + std::max(delay, std::chrono::milliseconds(0));
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

void UserTimers::retire(Timer& timer) noexcept {
  const std::size_t place = timer.id & place_mask;
  timers_[place].reset();
  free_places_.push_back(place);
}

}  // namespace prefork::internal
