// SPDX-License-Identifier: MIT
#include "master/pool/deadlines.hpp"

#include <algorithm>

namespace preforkd {

void Deadlines::look(Instant now) {
  const auto expected = next();
  if (expected && now - *expected > tolerance) unheard_ += now - last_look_;
  last_look_ = std::max(now, last_look_);
}

void Deadlines::set(Deadline& deadline, Instant at) {
  Heap& heap = heap_of(deadline);
  deadline.at = at - offset_of(deadline);
  if (!deadline.armed()) {
    heap.push_back(&deadline);
    deadline.place = heap.size() - 1;
  }
  sift_up(heap, deadline.place);
  sift_down(heap, deadline.place);
}

void Deadlines::clear(Deadline& deadline) {
  if (!deadline.armed()) return;
  Heap& heap = heap_of(deadline);
  const std::size_t hole = deadline.place;
  Deadline* const last = heap.back();
  heap.pop_back();
  deadline.place = Deadline::disarmed;
  if (last == &deadline) return;
  put(heap, hole, last);
  sift_up(heap, hole);
  sift_down(heap, last->place);
}

std::optional<Instant> Deadlines::time_of(const Deadline& deadline) const {
  if (!deadline.armed()) return std::nullopt;
  return deadline.at + offset_of(deadline);
}

std::optional<Instant> Deadlines::next() const {
  std::optional<Instant> earliest;
  if (!plain_.empty()) earliest = plain_.front()->at;
  if (!patience_.empty()) {
    const Instant at = patience_.front()->at + unheard_;
    if (!earliest || at < *earliest) earliest = at;
  }
  return earliest;
}

Deadline* Deadlines::take_due(Instant now) {
  for (Heap* const heap : {&plain_, &patience_}) {
    if (heap->empty() || heap->front()->at + offset_of(*heap->front()) > now) continue;
    Deadline* const due = heap->front();
    clear(*due);
    return due;
  }
  return nullptr;
}

Deadlines::Heap& Deadlines::heap_of(const Deadline& deadline) {
  return deadline.kind == Deadline::Kind::patience ? patience_ : plain_;
}

Duration Deadlines::offset_of(const Deadline& deadline) const {
  return deadline.kind == Deadline::Kind::patience ? unheard_ : Duration{0};
}

void Deadlines::put(Heap& heap, std::size_t place, Deadline* deadline) {
  heap[place] = deadline;
  deadline->place = place;
}

void Deadlines::sift_up(Heap& heap, std::size_t place) {
  Deadline* const moving = heap[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (heap[parent]->at <= moving->at) break;
    put(heap, place, heap[parent]);
    place = parent;
  }
  put(heap, place, moving);
}

void Deadlines::sift_down(Heap& heap, std::size_t place) {
  Deadline* const moving = heap[place];
  for (;;) {
    std::size_t child = 2 * place + 1;
    if (child >= heap.size()) break;
    if (child + 1 < heap.size() && heap[child + 1]->at < heap[child]->at) ++child;
    if (heap[child]->at >= moving->at) break;
    put(heap, place, heap[child]);
    place = child;
  }
  put(heap, place, moving);
}

}  // namespace preforkd
