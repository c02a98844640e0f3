// SPDX-License-Identifier: MIT
#include "agent/agent_answer.hpp"

#include <algorithm>
#include <cstdint>

#include "base/escape.hpp"
#include "dbus/words.hpp"

namespace preforkd::agent {
namespace {

// HAProxy shows it on its page of statistics.
std::string described(const char* word, std::string_view reason) {
  return word + std::string(" #") + escape_unsafe(reason);
}

// Whether a pool may have no worker because it has no client.
bool on_demand(const PoolSnapshot& pool) {
  return !pool.scaling.empty() && pool.min_workers == 0 && (pool.fine() || pool.state == dbus::state::starting);
}

// The free part of the fullest queue, in percent.
std::uint64_t free_queue(const PoolSnapshot& pool) {
  std::uint64_t free = 100;
  for (const ListenerSnapshot& listener : pool.listeners) {
    if (listener.limit == 0) continue;  // unknown
    const std::uint64_t queued = std::min(listener.queued, listener.limit);
    free = std::min(free, 100 - queued * 100 / listener.limit);
  }
  return free;
}

// The share of the workers that should run and are ready, and less where they are busy or clients wait for them. Never
// 0, which would be a drain. Busy workers cost half of it at most: HAProxy moves clients to other hosts by that, which
// must not become the busy ones in their turn.
std::uint64_t weight(const PoolSnapshot& pool, unsigned busy) {
  const std::uint64_t target = std::max(pool.target_workers, 1U);
  const std::uint64_t ready = std::min<std::uint64_t>(pool.ready_workers, target);
  return std::max<std::uint64_t>(ready * free_queue(pool) * (200 - std::min(busy, 100U)) / target / 200, 1);
}

std::string answer_of(const PoolSnapshot& pool, unsigned busy) {
  if (pool.state == dbus::state::stopping) return "up 0%";
  if (pool.drained && (pool.ready_workers > 0 || on_demand(pool))) return described("up 0%", "drained by an operator");
  if (pool.ready_workers > 0) return "up " + std::to_string(weight(pool, busy)) + '%';
  if (on_demand(pool)) return "up 100%";
  return described("down", pool.state + ": no worker is ready");
}

}  // namespace

std::string neutral_answer(std::string_view reason) { return '#' + escape_unsafe(reason); }

std::string unknown_answer(std::string_view reason) { return described("fail", reason); }

std::string agent_answer(const KnownPool& pool, unsigned busy) {
  if (pool.answer) return answer_of(*pool.answer, busy);
  const std::string& state = pool.standing.state;
  if (state == standing::waiting) return "up 100%";
  if (state == standing::failed) return described("fail", pool.standing.remark);
  if (state == standing::stopped || state == standing::not_running) return described("stopped", "the pool is stopped");
  return neutral_answer(text_of(pool.standing));
}

}  // namespace preforkd::agent
