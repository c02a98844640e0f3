// SPDX-License-Identifier: MIT
#include "master/pool/deadlines.hpp"

#include <algorithm>
#include <utility>

namespace preforkd {

bool Deadlines::observe(Instant now) {
  const auto expected = next();
  const Duration unheard = now - last_observed_;
  last_observed_ = std::max(now, last_observed_);
  return expected && now - *expected > tolerance && move_out(unheard);
}

std::optional<Duration> Deadlines::take_move() { return std::exchange(move_, std::nullopt); }

void Deadlines::set(Deadline& deadline, Instant at) {
  deadline.at = at;
  deadline.span = std::max(at - last_observed_, Duration{0});
  deadline.grace = deadline.span * max_moves;
  if (!deadline.armed()) {
    heap_.push_back(&deadline);
    deadline.place = heap_.size() - 1;
  }
  sift_up(deadline.place);
  sift_down(deadline.place);
}

void Deadlines::clear(Deadline& deadline) {
  if (!deadline.armed()) return;
  const std::size_t hole = deadline.place;
  Deadline* const last = heap_.back();
  heap_.pop_back();
  deadline.place = Deadline::disarmed;
  if (last == &deadline) return;
  put(hole, last);
  sift_up(hole);
  sift_down(last->place);
}

std::optional<Instant> Deadlines::time_of(const Deadline& deadline) const {
  if (!deadline.armed()) return std::nullopt;
  return deadline.at;
}

std::optional<Instant> Deadlines::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->at;
}

Deadline* Deadlines::take_due(Instant now) {
  if (heap_.empty() || heap_.front()->at > now) return nullptr;
  Deadline* const due = heap_.front();
  clear(*due);
  return due;
}

bool Deadlines::move_out(Duration by) {
  constexpr Duration quiet = std::chrono::minutes(1);
  bool any = false;
  for (Deadline* const each : heap_) {
    if (!each->kills() || each->grace == Duration{0}) continue;
    const Duration cost = std::min(by, each->span);
    each->at += cost <= each->grace ? by : each->grace;
    each->grace -= std::min(cost, each->grace);
    any = true;
  }
  for (std::size_t place = heap_.size() / 2; place-- > 0;) sift_down(place);
  if (!any) return false;
  if (!last_moved_ || last_observed_ - *last_moved_ > quiet) move_ = by;
  last_moved_ = last_observed_;
  return true;
}

void Deadlines::put(std::size_t place, Deadline* deadline) {
  heap_[place] = deadline;
  deadline->place = place;
}

void Deadlines::sift_up(std::size_t place) {
  Deadline* const moving = heap_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (heap_[parent]->at <= moving->at) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, moving);
}

void Deadlines::sift_down(std::size_t place) {
  Deadline* const moving = heap_[place];
  for (;;) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->at < heap_[child]->at) ++child;
    if (heap_[child]->at >= moving->at) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, moving);
}

}  // namespace preforkd
