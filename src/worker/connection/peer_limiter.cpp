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

// Null: it is not limited, or there is no memory for it.
PeerLimiter::Peer* PeerLimiter::find_or_add(const PeerAddress& peer, const LimitValues& limits,
                                            TimePoint now) noexcept {
  const auto key = peer.network();
  if (!key || !limits_peers(limits)) return nullptr;
  if (peers_.size() >= next_sweep_) forget_idle(now);
  try {
    const auto [at, is_new] = peers_.try_emplace(*key);
    if (is_new) {
      at->second.tokens = static_cast<double>(limits.max_connection_rate_per_peer);
      at->second.filled = now;
    }
    return &at->second;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

PeerLimiter::Verdict PeerLimiter::enter(const PeerAddress& peer, const LimitValues& limits, TimePoint now) noexcept {
  Peer* const known = find_or_add(peer, limits, now);
  if (known == nullptr) return Verdict::admitted;
  if (limits.max_connections_per_peer > 0 && known->connections >= limits.max_connections_per_peer) {
    return Verdict::too_many;
  }
  if (const auto rate = static_cast<double>(limits.max_connection_rate_per_peer); rate > 0) {
    const double seconds = std::chrono::duration<double>(now - known->filled).count();
    known->tokens = std::min(rate, known->tokens + seconds * rate);
    known->filled = now;
    if (known->tokens < 1) return Verdict::too_fast;
    known->tokens -= 1;
  }
  ++known->connections;
  return Verdict::admitted;
}

void PeerLimiter::enter_unlimited(const PeerAddress& peer, const LimitValues& limits, TimePoint now) noexcept {
  if (Peer* const known = find_or_add(peer, limits, now)) ++known->connections;
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
