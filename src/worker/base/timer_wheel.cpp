// SPDX-License-Identifier: MIT
#include "worker/base/timer_wheel.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <functional>
#include <limits>

namespace prefork::internal {

using std::chrono::milliseconds;

void TimerWheel::make_empty(TimerLink& head) noexcept { head.before_ = head.after_ = &head; }

void TimerWheel::append(TimerLink& head, TimerLink& link) noexcept {
  link.before_ = head.before_;
  link.after_ = &head;
  head.before_->after_ = &link;
  head.before_ = &link;
}

// Moves all of `from` behind the last of `to`.
void TimerWheel::splice(TimerLink& to, TimerLink& from) noexcept {
  if (is_empty(from)) return;
  from.after_->before_ = to.before_;
  to.before_->after_ = from.after_;
  from.before_->after_ = &to;
  to.before_ = from.before_;
  make_empty(from);
}

TimerNode::~TimerNode() { assert(!armed()); }

TimerWheel::TimerWheel(TimePoint start, std::size_t budget) noexcept : start_(start), budget_(budget) {
  for (TimerLink& slot : slots_) make_empty(slot);
  make_empty(taken_);
  make_empty(due_);
}

TimerWheel::~TimerWheel() {
  for (TimerLink& slot : slots_) splice(due_, slot);
  splice(due_, taken_);
  while (!is_empty(due_)) cancel(static_cast<TimerNode&>(*due_.after_));
}

TimerWheel::Tick TimerWheel::elapsed(TimePoint now) const noexcept {
  if (now <= start_) return 0;
  return static_cast<Tick>(std::chrono::floor<milliseconds>(now - start_).count());
}

TimerWheel::Tick TimerWheel::tick_of(TimePoint deadline) const noexcept {
  if (deadline <= start_) return 0;
  return static_cast<Tick>(std::chrono::ceil<milliseconds>(deadline - start_).count());
}

std::optional<TimerWheel::Slot> TimerWheel::next_slot() const noexcept {
  for (unsigned level = 0; level < levels; ++level) {
    if (used_[level] != 0) return Slot{level, static_cast<unsigned>(std::countr_zero(used_[level]))};
  }
  return std::nullopt;
}

// A slot in use differs from the current tick in its own digit, and in none above that.
TimerWheel::Tick TimerWheel::start_of(Slot slot) const noexcept {
  const unsigned shift = slot.level * digit_bits;
  return (current_ >> (shift + digit_bits) << digit_bits | slot.digit) << shift;
}

void TimerWheel::file(TimerNode& node, Tick tick) noexcept {
  const unsigned level = static_cast<unsigned>(std::bit_width(tick ^ current_) - 1) / digit_bits;
  const auto digit = static_cast<unsigned>((tick >> (level * digit_bits)) % slots_per_level);
  append(head({level, digit}), node);
  used_[level] |= std::uint64_t{1} << digit;
  ++filings_;
}

void TimerWheel::unlink(TimerNode& node) noexcept {
  node.before_->after_ = node.after_;
  node.after_->before_ = node.before_;
  // If it was the last of its list, both neighbours are the list's head, and the head's address names the slot.
  const TimerLink* const list = node.after_;
  const std::less<const TimerLink*> below;
  if (node.before_ == list && !below(list, slots_.data()) && below(list, slots_.data() + slots_.size())) {
    const auto slot = static_cast<std::size_t>(list - slots_.data());
    used_[slot / slots_per_level] &= ~(std::uint64_t{1} << slot % slots_per_level);
  }
  node.before_ = node.after_ = nullptr;
}

void TimerWheel::arm(TimerNode& node, TimePoint deadline) noexcept {
  if (deadline == TimePoint::max()) return cancel(node);
  if (node.armed()) {
    // Its slot is reached in time, and then it is filed again.
    const bool later = deadline >= node.deadline_;
    node.deadline_ = deadline;
    if (later) return;
    unlink(node);
  }
  // The next tick's time, not the deadline, so that no slot before that takes the node for due.
  node.deadline_ = std::max(deadline, time_of(target_ + 1));
  file(node, tick_of(node.deadline_));
}

void TimerWheel::cancel(TimerNode& node) noexcept {
  if (!node.armed()) return;
  unlink(node);
  node.deadline_ = TimePoint::max();
}

void TimerWheel::take_slot(Slot slot) noexcept {
  current_ = start_of(slot);
  splice(taken_, head(slot));
  used_[slot.level] &= ~(std::uint64_t{1} << slot.digit);
}

// Returns what is left of `budget`.
std::size_t TimerWheel::refile_taken(std::size_t budget) noexcept {
  for (; budget > 0 && !is_empty(taken_); --budget) {
    auto& node = static_cast<TimerNode&>(*taken_.after_);
    unlink(node);
    const Tick tick = tick_of(node.deadline_);
    if (tick > current_) {
      file(node, tick);
    } else {
      append(due_, node);
    }
  }
  return budget;
}

void TimerWheel::run_due() {
  while (!is_empty(due_)) {
    auto& node = static_cast<TimerNode&>(*due_.after_);
    unlink(node);
    if (const Tick tick = tick_of(node.deadline_); tick > current_) {  // moved by the callback of an earlier node
      file(node, tick);
      continue;
    }
    node.deadline_ = TimePoint::max();
    node.on_timer();
  }
}

void TimerWheel::advance(TimePoint now) {
  target_ = std::max(target_, elapsed(now));
  run_due();  // nodes that an exception has left
  std::size_t budget = budget_;
  for (;;) {
    budget = refile_taken(budget);
    run_due();
    if (!is_empty(taken_)) return;
    const auto slot = next_slot();
    if (!slot || start_of(*slot) > target_) break;
    take_slot(*slot);
  }
  current_ = target_;
}

std::optional<TimerWheel::TimePoint> TimerWheel::next_wakeup() const noexcept {
  if (!is_empty(due_) || !is_empty(taken_)) return time_of(current_);
  const auto slot = next_slot();
  if (!slot) return std::nullopt;
  return time_of(start_of(*slot));
}

int TimerWheel::timeout_ms(TimePoint now) const noexcept {
  const auto wakeup = next_wakeup();
  if (!wakeup) return -1;
  if (*wakeup <= now) return 0;
  constexpr milliseconds::rep max = std::numeric_limits<int>::max();
  return static_cast<int>(std::min(std::chrono::ceil<milliseconds>(*wakeup - now).count(), max));
}

}  // namespace prefork::internal
