// SPDX-License-Identifier: MIT
#include "worker/base/timer_wheel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using prefork::internal::TimerNode;
using prefork::internal::TimerWheel;
using TimePoint = TimerWheel::TimePoint;
using namespace std::chrono_literals;

constexpr TimePoint start{std::chrono::hours(1000) + 123456ns};

class Timer final : public TimerNode {
 public:
  explicit Timer(std::function<void()> callback = [] {}) : callback_(std::move(callback)) {}
  void on_timer() override {
    ++calls;
    callback_();
  }
  int calls = 0;

 private:
  std::function<void()> callback_;
};

TEST(TimerWheel, calls_once_and_never_early) {
  TimerWheel wheel(start);
  Timer timer;
  wheel.arm(timer, start + 10ms);
  EXPECT_TRUE(timer.armed());
  EXPECT_EQ(timer.armed_until(), start + 10ms);
  wheel.advance(start + 10ms - 1ns);
  EXPECT_EQ(timer.calls, 0);
  wheel.advance(start + 10ms);
  EXPECT_EQ(timer.calls, 1);
  EXPECT_FALSE(timer.armed());
  EXPECT_EQ(timer.armed_until(), TimePoint::max());
  wheel.advance(start + 1h);
  EXPECT_EQ(timer.calls, 1);
}

TEST(TimerWheel, a_deadline_within_a_tick_is_due_at_the_ticks_end) {
  TimerWheel wheel(start);
  Timer timer;
  wheel.arm(timer, start + 10ms + 1ns);
  wheel.advance(start + 10ms + 2ns);
  EXPECT_EQ(timer.calls, 0);
  EXPECT_EQ(wheel.next_wakeup(), start + 11ms);
  wheel.advance(start + 11ms);
  EXPECT_EQ(timer.calls, 1);
}

TEST(TimerWheel, what_has_passed_is_due_with_the_next_tick) {
  TimerWheel wheel(start);
  wheel.advance(start + 100ms);
  Timer timer;
  wheel.arm(timer, start);
  wheel.advance(start + 101ms);
  EXPECT_EQ(timer.calls, 1);
}

TEST(TimerWheel, cancelled_timers_are_not_called) {
  TimerWheel wheel(start);
  Timer timer;
  wheel.cancel(timer);
  wheel.arm(timer, start + 10ms);
  wheel.cancel(timer);
  EXPECT_FALSE(timer.armed());
  EXPECT_FALSE(wheel.next_wakeup());
  wheel.arm(timer, start + 20ms);
  wheel.arm(timer, TimePoint::max());
  EXPECT_FALSE(timer.armed());
  wheel.advance(start + 1min);
  EXPECT_EQ(timer.calls, 0);
}

TEST(TimerWheel, a_deadline_moved_earlier_counts) {
  TimerWheel wheel(start);
  Timer timer;
  wheel.arm(timer, start + 5min);
  wheel.arm(timer, start + 10ms);
  wheel.advance(start + 10ms);
  EXPECT_EQ(timer.calls, 1);
}

TEST(TimerWheel, a_deadline_moved_later_costs_no_filing) {
  TimerWheel wheel(start);
  Timer timer;
  wheel.arm(timer, start + 5min);
  const auto filings = wheel.filings();
  for (int i = 0; i < 1000; ++i) wheel.arm(timer, start + 5min + i * 1ms);
  EXPECT_EQ(wheel.filings(), filings);
  wheel.advance(start + 5min);
  EXPECT_EQ(timer.calls, 0);
  wheel.advance(start + 5min + 998ms);
  EXPECT_EQ(timer.calls, 0);
  wheel.advance(start + 5min + 999ms);
  EXPECT_EQ(timer.calls, 1);
}

TEST(TimerWheel, tells_when_to_wake_up) {
  TimerWheel wheel(start);
  EXPECT_EQ(wheel.timeout_ms(start), -1);
  Timer timer;
  wheel.arm(timer, start + 30ms);
  EXPECT_EQ(wheel.next_wakeup(), start + 30ms);
  EXPECT_EQ(wheel.timeout_ms(start), 30);
  EXPECT_EQ(wheel.timeout_ms(start + 1ns), 30);
  EXPECT_EQ(wheel.timeout_ms(start + 1ms), 29);
  EXPECT_EQ(wheel.timeout_ms(start + 30ms), 0);
  EXPECT_EQ(wheel.timeout_ms(start + 1h), 0);
  wheel.cancel(timer);
}

TEST(TimerWheel, takes_deadlines_at_the_end_of_the_clock) {
  TimerWheel wheel(start);
  Timer timer;
  wheel.arm(timer, TimePoint::max() - 1s);
  EXPECT_GT(wheel.timeout_ms(start), 1'000'000'000);
  wheel.advance(start + 24h * 365 * 100);
  EXPECT_EQ(timer.calls, 0);
  wheel.advance(TimePoint::max() - 1ms);
  EXPECT_EQ(timer.calls, 1);
}

// Turns the wheel as an event loop with nothing else to do. Returns how often it woke up.
int run_idle(TimerWheel& wheel, TimePoint& now, const Timer& until) {
  int wakeups = 0;
  while (until.calls == 0) {
    const int timeout = wheel.timeout_ms(now);
    EXPECT_GT(timeout, 0);
    if (timeout <= 0) break;
    now += std::chrono::milliseconds(timeout);
    wheel.advance(now);
    ++wakeups;
  }
  return wakeups;
}

TEST(TimerWheel, an_idle_time_out_of_five_minutes_wakes_the_worker_at_most_five_times) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 2000; ++round) {
    TimerWheel wheel(start);
    TimePoint now = start + std::chrono::microseconds(random() % 100'000'000'000);
    wheel.advance(now);
    Timer timer;
    const TimePoint deadline = now + 5min;
    wheel.arm(timer, deadline);
    ASSERT_LE(run_idle(wheel, now, timer), 5);
    ASSERT_GE(now, deadline);
    ASSERT_LT(now, deadline + 2ms);
  }
}

TEST(TimerWheel, calls_in_the_order_of_ticks_then_of_arming) {
  TimerWheel wheel(start);
  std::vector<int> order;
  Timer late([&] { order.push_back(3); });
  Timer first([&] { order.push_back(1); });
  Timer second([&] { order.push_back(2); });
  wheel.arm(late, start + 200ms);
  wheel.arm(first, start + 100ms);  // filed above level 0 …
  wheel.advance(start + 90ms);
  wheel.arm(second, start + 100ms);  // … and at level 0
  wheel.advance(start + 1h);
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST(TimerWheel, a_callback_may_cancel_move_and_arm_others) {
  TimerWheel wheel(start);
  Timer cancelled;
  Timer moved;
  Timer armed;
  Timer first([&] {
    wheel.cancel(cancelled);
    wheel.arm(moved, start + 20ms);
    wheel.arm(armed, start + 20ms);
  });
  for (Timer* timer : {&first, &cancelled, &moved}) wheel.arm(*timer, start + 10ms);
  wheel.advance(start + 10ms);
  EXPECT_EQ(first.calls, 1);
  EXPECT_EQ(moved.calls, 0);
  wheel.advance(start + 20ms);
  EXPECT_EQ(cancelled.calls, 0);
  EXPECT_EQ(moved.calls, 1);
  EXPECT_EQ(armed.calls, 1);
}

TEST(TimerWheel, a_callback_may_destroy_its_own_and_other_timers) {
  TimerWheel wheel(start);
  std::unique_ptr<Timer> other;
  std::unique_ptr<Timer> self;
  int calls = 0;
  self = std::make_unique<Timer>([&] {
    ++calls;
    wheel.cancel(*other);
    other.reset();
    const auto last = std::move(self);
  });
  other = std::make_unique<Timer>();
  wheel.arm(*self, start + 10ms);
  wheel.arm(*other, start + 10ms);
  wheel.advance(start + 1s);
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(wheel.next_wakeup());
}

TEST(TimerWheel, a_timer_that_arms_itself_for_the_past_does_not_keep_advance_busy) {
  TimerWheel wheel(start);
  Timer timer;
  Timer again([&] { wheel.arm(again, start); });
  wheel.arm(again, start + 1ms);
  wheel.advance(start + 1h);
  EXPECT_EQ(again.calls, 1);
  wheel.advance(start + 1h + 1ms);
  EXPECT_EQ(again.calls, 2);
  wheel.cancel(again);
}

TEST(TimerWheel, an_exception_loses_no_other_timer) {
  TimerWheel wheel(start);
  Timer thrower([] { throw std::runtime_error("callback"); });
  Timer same_tick;
  Timer later;
  wheel.arm(thrower, start + 10ms);
  wheel.arm(same_tick, start + 10ms);
  wheel.arm(later, start + 500ms);
  EXPECT_THROW(wheel.advance(start + 1s), std::runtime_error);
  EXPECT_EQ(wheel.timeout_ms(start + 1s), 0);
  wheel.advance(start + 1s);
  EXPECT_EQ(thrower.calls, 1);
  EXPECT_EQ(same_tick.calls, 1);
  EXPECT_EQ(later.calls, 1);
}

TEST(TimerWheel, an_exception_in_the_last_tick_loses_no_other_timer) {
  TimerWheel wheel(start);
  Timer thrower([] { throw std::runtime_error("callback"); });
  Timer same_tick;
  wheel.arm(thrower, start + 10ms);
  wheel.arm(same_tick, start + 10ms);
  EXPECT_THROW(wheel.advance(start + 10ms), std::runtime_error);
  wheel.advance(start + 10ms);
  EXPECT_EQ(same_tick.calls, 1);
}

TEST(TimerWheel, disarms_what_is_left_at_its_end) {
  Timer timer;
  Timer taken;
  {
    TimerWheel wheel(start, 1);
    wheel.arm(timer, start + 1h);
    wheel.arm(taken, start + 1h);
    wheel.advance(start + 1h - 1ms);
  }
  EXPECT_FALSE(timer.armed());
  EXPECT_FALSE(taken.armed());
}

// All of them in one slot, as the idle time-outs of connections that came in the same minutes.
TEST(TimerWheel, a_full_slot_is_refiled_in_pieces) {
  constexpr std::size_t count = 20'000;
  TimerWheel wheel(start);
  std::vector<std::unique_ptr<Timer>> timers;
  for (std::size_t i = 0; i < count; ++i) {
    timers.push_back(std::make_unique<Timer>());
    wheel.arm(*timers.back(), start + 5min);
    wheel.arm(*timers.back(), start + 10min + i * 1ms);
  }
  TimePoint now = start + 5min;
  int turns = 0;
  do {
    const auto filings = wheel.filings();
    wheel.advance(now);
    ASSERT_LE(wheel.filings() - filings, TimerWheel::default_budget);
    ++turns;
  } while (wheel.timeout_ms(now) == 0);
  EXPECT_GT(turns, 20'000 / 512);
  for (; now < start + 11min; now += 1ms) wheel.advance(now);
  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(timers[i]->calls, start + 10min + i * 1ms < now ? 1 : 0);
}

TEST(TimerWheel, what_waits_to_be_refiled_can_be_cancelled_and_moved) {
  TimerWheel wheel(start, 1);
  Timer first;
  Timer moved;
  Timer cancelled;
  {
    Timer destroyed;
    for (Timer* timer : {&first, &moved, &cancelled, &destroyed}) wheel.arm(*timer, start + 5min + 1ms);
    wheel.advance(start + 5min);
    ASSERT_EQ(wheel.timeout_ms(start + 5min), 0);
    wheel.arm(moved, start + 4min);
    wheel.cancel(cancelled);
    wheel.cancel(destroyed);
  }
  for (int turn = 0; turn < 10; ++turn) wheel.advance(start + 5min);
  EXPECT_EQ(first.calls + moved.calls + cancelled.calls, 0);
  wheel.advance(start + 5min + 1ms);
  wheel.advance(start + 5min + 1ms);
  EXPECT_EQ(first.calls, 1);
  EXPECT_EQ(moved.calls, 1);
  EXPECT_FALSE(wheel.next_wakeup());
}

TEST(TimerWheel, due_timers_beyond_the_budget_follow_in_order) {
  TimerWheel wheel(start, 2);
  std::vector<int> order;
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 5; ++i) timers.push_back(std::make_unique<Timer>([&order, i] { order.push_back(i); }));
  for (const int i : {3, 4, 0, 1, 2}) wheel.arm(*timers[static_cast<std::size_t>(i)], start + (i < 3 ? 10ms : 5s));
  for (const std::size_t size : {2U, 3U}) {
    wheel.advance(start + 10ms);
    EXPECT_EQ(order.size(), size);
  }
  EXPECT_GT(wheel.timeout_ms(start + 10ms), 0);
  while (order.size() < 5) {
    const std::size_t before = order.size();
    wheel.advance(start + 5s);
    ASSERT_LE(order.size(), before + 2);
    ASSERT_TRUE(order.size() == 5 || wheel.timeout_ms(start + 5s) == 0);
  }
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
}

// A wheel beside the plainest thing that does the same: a multimap of deadlines.
class Reference {
 public:
  Reference(unsigned seed, std::size_t timers, std::size_t budget)
      : random_(seed), budget_(budget), wheel_(start, budget) {
    for (std::size_t i = 0; i < timers; ++i) {
      timers_.push_back(std::make_unique<Timer>([this, i] { on_timer(i); }));
      places_.push_back(expected_.end());
    }
  }

  void step() {
    const std::size_t timer = random_() % timers_.size();
    switch (random_() % 8) {
      case 0:
        return cancel(timer);
      case 1:
      case 2:
        return advance();
      default:
        return arm(timer, now_ + random_span());
    }
  }
  void finish() {
    finishing_ = true;
    now_ += 1000h;
    advance();
    EXPECT_TRUE(expected_.empty());
    EXPECT_FALSE(wheel_.next_wakeup());
  }

 private:
  using Expected = std::multimap<TimePoint, std::size_t>;

  // Spans of every size, so that every level is used.
  std::chrono::nanoseconds random_span() {
    const std::chrono::nanoseconds longest = 1ms * (std::int64_t{1} << random_() % 24);
    return std::chrono::nanoseconds(static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(longest.count())));
  }
  void arm(std::size_t timer, TimePoint deadline) {
    forget(timer);
    places_[timer] = expected_.emplace(deadline, timer);
    wheel_.arm(*timers_[timer], deadline);
  }
  void cancel(std::size_t timer) {
    forget(timer);
    wheel_.cancel(*timers_[timer]);
  }
  void forget(std::size_t timer) {
    if (places_[timer] != expected_.end()) expected_.erase(places_[timer]);
    places_[timer] = expected_.end();
  }
  void advance() {
    now_ += random_span() / 16;
    turn();
    // Every node is filed at most once per level, and a callback may move another one.
    const std::size_t needed = 1 + 2 * 8 * timers_.size() / budget_;
    for (std::size_t turns = 1; wheel_.timeout_ms(now_) == 0; ++turns) {
      ASSERT_LE(turns, needed);
      arm_or_cancel();
      turn();
    }
    // Nothing that was due a tick ago may be left, and the wheel must want to be woken up in time for the next.
    if (expected_.empty()) return;
    const TimePoint next = expected_.begin()->first;
    ASSERT_GT(next + 1ms, now_);
    ASSERT_TRUE(wheel_.next_wakeup());
    ASSERT_LT(*wheel_.next_wakeup(), std::max(next, now_) + 2ms);
  }
  void turn() {
    const auto filings = wheel_.filings();
    calls_ = 0;
    wheel_.advance(now_);
    // A callback may file one more, and move a node that is due already.
    ASSERT_LE(wheel_.filings() - filings, budget_ + 2 * calls_);
  }
  void arm_or_cancel() {
    if (finishing_) return;
    if (random_() % 4 == 0) arm(random_() % timers_.size(), now_ + random_span());
    if (random_() % 4 == 0) cancel(random_() % timers_.size());
  }
  void on_timer(std::size_t timer) {
    ++calls_;
    ASSERT_NE(places_[timer], expected_.end());
    ASSERT_LE(places_[timer]->first, now_) << "early";
    forget(timer);
    arm_or_cancel();
  }

  std::mt19937_64 random_;
  TimePoint now_ = start;
  std::size_t budget_;
  TimerWheel wheel_;
  std::size_t calls_ = 0;  // in this turn
  std::vector<std::unique_ptr<Timer>> timers_;
  Expected expected_;
  bool finishing_ = false;
  std::vector<Expected::iterator> places_;
};

TEST(TimerWheel, agrees_with_a_sorted_list_in_random_orders_of_everything) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    Reference reference(seed, 1 + seed * 3, seed % 2 == 0 ? TimerWheel::default_budget : 1 + seed / 4);
    for (int step = 0; step < 3000; ++step) {
      reference.step();
      ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << ", step " << step;
    }
    reference.finish();
  }
}

// 100 000 connections with an idle time-out of 5 minutes, of which 1000 a second send a message, for 10 minutes.
TEST(TimerWheel, a_hundred_thousand_timers_cost_a_few_filings_each) {
  constexpr std::size_t count = 100'000;
  TimerWheel wheel(start);
  std::vector<std::unique_ptr<Timer>> timers;
  std::mt19937_64 random(7);
  for (std::size_t i = 0; i < count; ++i) {
    timers.push_back(std::make_unique<Timer>());
    wheel.arm(*timers.back(), start + 5min + std::chrono::microseconds(i));
  }
  EXPECT_EQ(wheel.filings(), count);
  std::uint64_t touches = 0;
  for (TimePoint now = start; now < start + 10min; now += 100ms) {
    wheel.advance(now);
    for (int i = 0; i < 100; ++i, ++touches) {
      Timer& timer = *timers[random() % count];
      if (timer.armed()) wheel.arm(timer, now + 5min);
    }
  }
  EXPECT_EQ(touches, 600'000U);
  do wheel.advance(start + 20min);
  while (wheel.timeout_ms(start + 20min) == 0);
  for (const auto& timer : timers) ASSERT_EQ(timer->calls, 1);
  // Each was filed once, brought down level by level, and so again after each old deadline at which it had moved
  // meanwhile.
  EXPECT_LT(wheel.filings(), 8 * count);
  RecordProperty("filings", std::to_string(wheel.filings()));
}

}  // namespace
