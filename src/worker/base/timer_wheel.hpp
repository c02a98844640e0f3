// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace prefork::internal {

class TimerWheel;

// The place of a TimerNode in one of the wheel's circular lists, and its deadline. Used only by TimerWheel.
class TimerLink {
  friend class TimerWheel;
  TimerLink* before_ = nullptr;
  TimerLink* after_ = nullptr;
};
class TimerEntry : public TimerLink {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  TimerEntry() noexcept = default;
  TimerEntry(const TimerEntry&) = delete;
  TimerEntry& operator=(const TimerEntry&) = delete;

  // The deadline, or the next tick's time if that is later; TimePoint::max() if it is not armed.
  [[nodiscard]] TimePoint armed_until() const noexcept { return deadline_; }
  [[nodiscard]] bool armed() const noexcept { return deadline_ != TimePoint::max(); }

 private:
  friend class TimerWheel;
  TimePoint deadline_ = TimePoint::max();
};

// A member with one deadline, 32 bytes of its owner. It must be disarmed when it is destroyed.
class TimerNode : public TimerEntry {
 public:
  // Called by TimerWheel::advance() at or after the deadline. The node is disarmed then; this call may arm it again or
  // destroy it, and every other node.
  virtual void on_timer() = 0;

 protected:
  TimerNode() noexcept = default;
  ~TimerNode();
};
static_assert(sizeof(TimerNode) <= 32);

// All deadlines of a worker: a hierarchical wheel with a resolution of 1 ms. Each operation is O(1), amortised, for any
// number of nodes; nothing is allocated.
//
// A tick is a millisecond since the wheel's start. Level 0 has a slot for each of 64 ticks, level 1 for each of 64 ×
// 64, and so on. A node is filed at the level of the highest base-64 digit in which its tick differs from the current
// one. So every slot in use is ahead, and those of a lower level come before those of a higher one: the next slot is
// the lowest bit of the lowest level's bitmap. When the time reaches a slot above level 0, its nodes are filed again at
// lower levels; at level 0 they are due.
//
// Deadlines are lazy. Moving one later is one store: the node stays in its slot and is filed again when that slot is
// reached. A connection does this on each message. (Rejected: a heap, O(log n) for each of these moves; slots that are
// late by a share of the time-out, which need no refiling but cannot keep an application's timer to the millisecond.)
//
// One advance() takes a bounded number of nodes out of their slots; the rest of a slot waits in a list of its own, and
// the time stands still at the slot's beginning until the list is empty. (Rejected: a whole slot at a time. With 100
// 000 connections a slot of level 3 holds up every client for 17 ms.)
//
// Order: nodes become due in the order of their ticks, those of one tick in the order of filing.
class TimerWheel {
 public:
  using TimePoint = TimerNode::TimePoint;

  // How many nodes one advance() takes out of their slots: about 0.1 ms.
  static constexpr std::size_t default_budget = 512;

  explicit TimerWheel(TimePoint start, std::size_t budget = default_budget) noexcept;
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();  // disarms the nodes that are still armed

  // The first advance() whose time is at or after `deadline` calls on_timer() once, or one of those that follow it at
  // once if more nodes than the budget have their turn; an earlier deadline of the node no longer counts. A deadline in
  // the past is due with the next tick, so a node that arms itself again at once cannot keep advance() from ending.
  // TimePoint::max() means cancel().
  void arm(TimerNode& node, TimePoint deadline) noexcept;
  void cancel(TimerNode& node) noexcept;

  // Calls on_timer() of each node whose deadline is at or before `now`: never early, and late by less than a tick. If
  // the budget is spent before that, next_wakeup() is not after `now`, and the next call continues. `now` must not go
  // backwards. Passes on an exception of on_timer(); the nodes after it are due at the next advance().
  void advance(TimePoint now);

  // When to call advance() next; nullopt if nothing is armed. At or before the earliest deadline, rounded up to its
  // tick: a node with a deadline d milliseconds ahead that is not moved causes at most 2 + log64(d) wake-ups in all,
  // with the one at its deadline: 5 for five minutes, independent of other nodes.
  [[nodiscard]] std::optional<TimePoint> next_wakeup() const noexcept;
  // The same as a time-out of epoll_wait(2): milliseconds from `now`, rounded up; -1 if nothing is armed.
  [[nodiscard]] int timeout_ms(TimePoint now) const noexcept;

  // The number of filings so far: the work of the wheel, for tests and benchmarks.
  [[nodiscard]] std::uint64_t filings() const noexcept { return filings_; }

 private:
  using Tick = std::uint64_t;
  static constexpr unsigned digit_bits = 6;
  static constexpr std::size_t slots_per_level = std::size_t{1} << digit_bits;
  static constexpr std::size_t levels = 8;  // 2^48 ms: every TimePoint there is

  struct Slot {
    unsigned level = 0;
    unsigned digit = 0;
  };

  [[nodiscard]] Tick elapsed(TimePoint now) const noexcept;
  [[nodiscard]] Tick tick_of(TimePoint deadline) const noexcept;
  [[nodiscard]] TimePoint time_of(Tick tick) const noexcept {
    return start_ + std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(tick));
  }
  [[nodiscard]] TimerLink& head(Slot slot) noexcept { return slots_[slot.level * slots_per_level + slot.digit]; }
  [[nodiscard]] std::optional<Slot> next_slot() const noexcept;
  [[nodiscard]] Tick start_of(Slot slot) const noexcept;

  static void make_empty(TimerLink& head) noexcept;
  static void append(TimerLink& head, TimerLink& link) noexcept;
  static void splice(TimerLink& to, TimerLink& from) noexcept;
  [[nodiscard]] static bool is_empty(const TimerLink& head) noexcept { return head.after_ == &head; }

  void file(TimerNode& node, Tick tick) noexcept;
  void unlink(TimerNode& node) noexcept;
  void take_slot(Slot slot) noexcept;
  [[nodiscard]] std::size_t refile_taken(std::size_t budget) noexcept;
  void run_due();

  const TimePoint start_;
  const std::size_t budget_;
  Tick current_ = 0;  // every slot in use begins after it
  Tick target_ = 0;   // the time of the last advance(): current_, unless it has not finished
  std::uint64_t filings_ = 0;
  std::array<std::uint64_t, levels> used_{};  // a bit for each slot that is not empty
  std::array<TimerLink, levels * slots_per_level> slots_;
  TimerLink taken_;  // the nodes of the slot that begins at current_ that are to be filed again
  TimerLink due_;
};

}  // namespace prefork::internal
