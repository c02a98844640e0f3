// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "master/base/instant.hpp"

namespace preforkd {

// One deadline, a member of its owner, which says what it is for (kind) and how to find the owner (key). Neither copied
// nor moved. The owner must disarm it with Deadlines::clear() before it is destroyed.
struct Deadline {
  enum class Kind : std::uint8_t {
    response,  // key: a worker's id. Its start, its drain, its end after SIGABRT
    hang,      // key: a worker's id. Its next WATCHDOG=1
    lifetime,  // key: a worker's id. The end of its soak, its maximum age, or the end of its wait for a recycle
    retry,     // key: a slot. The end of its backoff
    linger,    // The end of a time for which a reload waits: Scheduler's linger_time, or after SIGKILL
    look,      // When Rebalance looks at the loads again
  };

  Deadline(Kind its_kind, std::uint64_t its_key) : kind(its_kind), key(its_key) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  [[nodiscard]] bool armed() const noexcept { return place != disarmed; }
  // The worker is killed when it passes.
  [[nodiscard]] bool kills() const noexcept { return kind == Kind::response || kind == Kind::hang; }

  static constexpr std::size_t disarmed = SIZE_MAX;
  const Kind kind;
  const std::uint64_t key;
  Instant at{};
  Duration span{0};              // from when it was set
  Duration grace{0};             // by how much it may still be moved out
  std::size_t place = disarmed;  // in the heap
};

// Every deadline of a pool, in order. Each step checks them, so none can be lost; the timer of the event loop is
// derived from next(). Setting, moving and clearing one costs O(log n), without an allocation once the heap has grown.
//
// Deadlines that kill a worker are moved out by the time in which the master did not listen. When observe() comes more
// than `tolerance` after next(), the master was stopped or starved, or the whole machine was paused, for an unknown
// part of the time since the last look; so all of that time counts. Rejected: the lateness alone. A paused machine also
// keeps the worker from pinging, and the worker must get back the time it had left when the pause began.
//
// Lateness must not protect a hung worker for ever: a worker that spins in a throttled control group makes the master
// late each time. So a deadline may be moved out by `max_moves` of its spans in total, where a longer pause counts as
// one span: that many pauses in a row, of any length, kill no worker, and a starved master kills after that many
// further spans (or late looks). Rejected: to tell a pause from starvation by what the kernel counts (schedstat,
// cpu.stat). In a starved control group sound workers are late as well, so the time would have to be given back all the
// same.
class Deadlines {
 public:
  // A pause that ends this soon after a deadline is not noticed, so this is little more than a timer's usual lateness.
  // Lateness without a pause, on a busy machine, gives a hung worker some more time and does not affect a sound one.
  static constexpr Duration tolerance = std::chrono::milliseconds(100);
  static constexpr int max_moves = 2;

  // The time is now `now`. Call it first in each step. True if it comes late and has moved deadlines out, in O(n).
  bool observe(Instant now);

  // An earlier master observed last at that time: what has passed since is time in which nobody listened.
  void resume(Instant last_observed) noexcept { last_observed_ = last_observed; }
  [[nodiscard]] Instant last_observed() const noexcept { return last_observed_; }

  // By how much the last observe() has moved deadlines out, to be logged. nullopt if it has not, or if one in the
  // minute before has.
  [[nodiscard]] std::optional<Duration> take_move();

  void set(Deadline& deadline, Instant at);
  void clear(Deadline& deadline);

  [[nodiscard]] std::optional<Instant> time_of(const Deadline& deadline) const;
  [[nodiscard]] std::optional<Instant> next() const;

  // Disarms the earliest deadline that has passed and returns it; null if there is none.
  [[nodiscard]] Deadline* take_due(Instant now);

 private:
  bool move_out(Duration by);
  void sift_up(std::size_t place);
  void sift_down(std::size_t place);
  void put(std::size_t place, Deadline* deadline);

  std::vector<Deadline*> heap_;
  Instant last_observed_{};
  std::optional<Duration> move_;       // not taken yet
  std::optional<Instant> last_moved_;  // when deadlines were moved last
};

}  // namespace preforkd
