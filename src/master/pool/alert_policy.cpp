// SPDX-License-Identifier: MIT
#include "master/pool/alert_policy.hpp"

#include <utility>

namespace preforkd {
namespace {

bool is_trouble(PoolState state, unsigned ready, unsigned target) {
  if (state == PoolState::degraded) return true;
  return ready == 0 && target > 0 && (state == PoolState::running || state == PoolState::reloading);
}

bool is_whole(PoolState state, unsigned ready, unsigned target) {
  return state == PoolState::running || (state == PoolState::reloading && ready >= target);
}

}  // namespace

AlertPolicy::Step AlertPolicy::look(PoolState state, unsigned ready, unsigned target, Instant now) {
  if (!after_) {
    trouble_since_.reset();
    return std::exchange(raised_, false) ? Step::clear : Step::nothing;
  }
  const bool over = whole_since_ && now - *whole_since_ >= *after_;
  if (over) trouble_since_.reset();
  const Step ended = over && std::exchange(raised_, false) ? Step::clear : Step::nothing;

  in_trouble_ = is_trouble(state, ready, target);
  const bool whole = !in_trouble_ && is_whole(state, ready, target);
  whole_since_ = whole ? whole_since_.value_or(now) : std::optional<Instant>();
  if (in_trouble_) trouble_since_ = trouble_since_.value_or(now);
  if (!in_trouble_ || raised_ || now - *trouble_since_ < *after_) return ended;
  raised_ = true;
  return Step::raise;
}

std::optional<Instant> AlertPolicy::next() const {
  if (!after_) return std::nullopt;
  if (in_trouble_ && !raised_ && trouble_since_) return *trouble_since_ + *after_;
  if (raised_ && whole_since_) return *whole_since_ + *after_;
  return std::nullopt;
}

}  // namespace preforkd
