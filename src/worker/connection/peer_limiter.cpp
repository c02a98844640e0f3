// SPDX-License-Identifier: MIT
#include "worker/connection/peer_limiter.hpp"

#include <algorithm>
#include <new>
#include <random>

namespace prefork::internal {

namespace {

bool limits_peers(const LimitValues& limits) noexcept {
  return limits.max_connections_per_peer > 0 || limits.max_connection_rate_per_peer > 0;
}

std::uint64_t random_number() {
  std::random_device device;
  return std::uint64_t{device()} << 32U | device();
}

}  // namespace

PeerLimiter::PeerLimiter() : peers_(0, Hash{random_number()}) {}

// The finalizer of SplitMix64.
std::size_t PeerLimiter::Hash::operator()(std::uint64_t key) const noexcept {
  key += secret;
  key = (key ^ (key >> 30U)) * 0xBF58476D1CE4E5B9U;
  key = (key ^ (key >> 27U)) * 0x94D049BB133111EBU;
  return key ^ (key >> 31U);
}

PeerLimiter::Verdict PeerLimiter::enter(const PeerAddress& peer, const LimitValues& limits, TimePoint now) noexcept {
  const auto key = peer.network();
  if (!key || !limits_peers(limits)) return Verdict::admitted;
  if (peers_.size() >= next_sweep_) forget_idle(now);
  const auto rate = static_cast<double>(limits.max_connection_rate_per_peer);
  try {
    const auto [at, is_new] = peers_.try_emplace(*key);
    Peer& known = at->second;
    if (is_new) {
      known.tokens = rate;
      known.filled = now;
    }
    if (limits.max_connections_per_peer > 0 && known.connections >= limits.max_connections_per_peer) {
      return Verdict::too_many;
    }
    if (rate > 0) {
      const double seconds = std::chrono::duration<double>(now - known.filled).count();
      known.tokens = std::min(rate, known.tokens + seconds * rate);
      known.filled = now;
      if (known.tokens < 1) return Verdict::too_fast;
      known.tokens -= 1;
    }
    ++known.connections;
  } catch (const std::bad_alloc&) {
  }
  return Verdict::admitted;
}

void PeerLimiter::leave(const PeerAddress& peer, const LimitValues& limits) noexcept {
  const auto key = peer.network();
  if (!key || !limits_peers(limits)) return;
  const auto at = peers_.find(*key);
  if (at == peers_.end() || at->second.connections == 0) return;
  if (--at->second.connections == 0 && limits.max_connection_rate_per_peer == 0) peers_.erase(at);
}

// A bucket is full again after a second.
void PeerLimiter::forget_idle(TimePoint now) noexcept {
  std::erase_if(peers_, [now](const auto& entry) {
    return entry.second.connections == 0 && now - entry.second.filled >= std::chrono::seconds(1);
  });
  next_sweep_ = std::max<std::size_t>(1024, 2 * peers_.size());
}

}  // namespace prefork::internal
