// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "worker/connection/limit_values.hpp"
#include "worker/connection/peer_address.hpp"

namespace prefork::internal {

// The connections of each peer address: how many there are, and how many may still come in this second (a token bucket
// that holds a second's worth). An address is an IPv4 address or an IPv6 /64. Peers without one are not limited.
class PeerLimiter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  enum class Verdict : std::uint8_t { admitted, too_many, too_fast };

  PeerLimiter();

  // Counts a connection that is admitted. Every one must leave() later, whatever its limits. Without memory for its
  // count it is admitted.
  [[nodiscard]] Verdict enter(const PeerAddress& peer, const LimitValues& limits, TimePoint now) noexcept;
  // The same without limits: for a connection that another worker had.
  void enter_unlimited(const PeerAddress& peer, const LimitValues& limits, TimePoint now) noexcept;
  void leave(const PeerAddress& peer, const LimitValues& limits) noexcept;

  // Addresses that are remembered: those with connections, and some whose last one was a moment ago.
  [[nodiscard]] std::size_t size() const noexcept { return peers_.size(); }

 private:
  struct Peer {
    std::size_t connections = 0;
    double tokens = 0;
    TimePoint filled;
  };
  // Clients cannot know in which bucket an address lies.
  struct Hash {
    std::uint64_t secret;
    std::size_t operator()(std::uint64_t key) const noexcept;
  };

  [[nodiscard]] Peer* find_or_add(const PeerAddress& peer, const LimitValues& limits, TimePoint now) noexcept;
  void forget_idle(TimePoint now) noexcept;

  std::unordered_map<std::uint64_t, Peer, Hash> peers_;
  std::size_t next_sweep_ = 1024;
};

}  // namespace prefork::internal
