// SPDX-License-Identifier: MIT
#pragma once

#include "config/values/pool_config.hpp"

namespace preforkd {

// The target of a pool that has `present` workers when its config changes from `before` to `after`.
//
// If the load decides from now on, `present` stays as far as the new limits allow; if it no longer does, the initial
// number applies. If it never does: if the configs differ in the initial number, the new one applies. Otherwise
// `present`, which an operator may have set, stays as far as the new limits allow: an operator who raises `max` because
// the pool needs more does not want it to fall back to `min`.
[[nodiscard]] unsigned target_after(const PoolConfig& before, const PoolConfig& after, unsigned present) noexcept;

}  // namespace preforkd
