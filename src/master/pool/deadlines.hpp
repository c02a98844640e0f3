// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "master/base/instant.hpp"

namespace preforkd {

// One deadline, a member of whatever it belongs to. Its owner says what it is for (kind) and how to find the owner
// again (key). Neither copied nor moved; disarmed by Deadlines::clear() before its owner goes.
struct Deadline {
  enum class Kind : std::uint8_t {
    patience,  // key: a worker's id. Its start, its next WATCHDOG=1, its drain, its end after SIGABRT
    term,      // key: a worker's id. The end of its soak, or its greatest age
    retry,     // key: a slot. The end of its backoff
  };

  Deadline(Kind its_kind, std::uint64_t its_key) : kind(its_kind), key(its_key) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  [[nodiscard]] bool armed() const noexcept { return place != disarmed; }

  static constexpr std::size_t disarmed = SIZE_MAX;
  const Kind kind;
  const std::uint64_t key;
  Instant at{};                  // on its heap's clock
  std::size_t place = disarmed;  // in its heap
};

// Every deadline of a pool, in order. They are state that is looked at on each step, so none can be lost; the timer of
// the event loop is only ever derived from next(). Setting, moving and clearing one costs O(log n), and no allocation
// once the heap has grown.
//
// Deadlines of kind `patience` end with a worker's death, so they run on a clock of their own: the time in which the
// master was there to hear the worker. When look() comes more than `tolerance` after next(), the master was stopped,
// starved, or the whole machine was paused, and nobody knows for how long before; the time since the last look is then
// taken off that clock, which moves all of them out at O(1). Rejected: moving them out by the lateness alone. A paused
// machine also keeps the worker from pinging, and the time it had left when the pause began is what it must get back.
class Deadlines {
 public:
  // A pause that ends so soon after a deadline is not seen as one, so this is little more than a timer's usual
  // lateness. Lateness without a pause, on a busy machine, costs a hung worker some more time and a sound one nothing.
  static constexpr Duration tolerance = std::chrono::milliseconds(100);

  // The time is now `now`. To be called first in each step.
  void look(Instant now);

  void set(Deadline& deadline, Instant at);
  void clear(Deadline& deadline);

  [[nodiscard]] std::optional<Instant> time_of(const Deadline& deadline) const;
  [[nodiscard]] std::optional<Instant> next() const;

  // Disarms the earliest deadline that has passed and returns it; null if there is none.
  [[nodiscard]] Deadline* take_due(Instant now);

 private:
  using Heap = std::vector<Deadline*>;

  [[nodiscard]] Heap& heap_of(const Deadline& deadline);
  [[nodiscard]] Duration offset_of(const Deadline& deadline) const;
  static void sift_up(Heap& heap, std::size_t place);
  static void sift_down(Heap& heap, std::size_t place);
  static void put(Heap& heap, std::size_t place, Deadline* deadline);

  Heap patience_;
  Heap plain_;
  Duration unheard_{0};  // how far the clock of patience_ is behind
  Instant last_look_{};
};

}  // namespace preforkd
