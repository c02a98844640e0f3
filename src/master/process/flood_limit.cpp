// SPDX-License-Identifier: MIT
#include "master/process/flood_limit.hpp"

#include <chrono>
#include <utility>

namespace preforkd {
namespace {

constexpr auto rate_interval = std::chrono::milliseconds(100);
constexpr unsigned messages_a_turn = 16;
constexpr unsigned flood = 16;  // messages in an interval; a sound program never sends so many
constexpr unsigned turns_of_a_sound_one = 10;
constexpr unsigned turns_of_a_flooder = 1;
constexpr unsigned last_messages = 1024;  // a datagram socket's queue holds at most net.unix.max_dgram_qlen

}  // namespace

void FloodLimit::apply(EventSource& source) noexcept { source.limit_rate(rate_interval, turns_of_a_sound_one); }

void FloodLimit::turn(EventSource& source, const TakeOne& take_one) {
  const Instant now = SteadyClock().now();
  bool floods = floods_;
  if (now - interval_began_ >= rate_interval) {
    floods = taken_ >= flood;
    taken_ = 0;
    interval_began_ = now;
  }
  unsigned taken = 0;
  while (taken < messages_a_turn && take_one()) ++taken;
  taken_ += taken;
  if (taken == messages_a_turn && source) source.watch(events);  // there may be more
  floods = floods || taken_ >= flood;
  if (floods == std::exchange(floods_, floods) || !source) return;
  source.set_priority(floods ? Priority::flood : Priority::worker_message);
  source.limit_rate(rate_interval, floods ? turns_of_a_flooder : turns_of_a_sound_one);
}

void FloodLimit::take_last(const TakeOne& take_one) {
  for (unsigned i = 0; i < last_messages && take_one(); ++i) continue;
}

}  // namespace preforkd
