// SPDX-License-Identifier: MIT
#pragma once

#include "config/values/pool_config.hpp"

namespace preforkd {

// The target of a pool that has `present` workers when its config changes from `before` to `after`.
//
// If the configs differ in the initial number, the new one applies. Otherwise `present`, which an operator may have
// set, stays as far as the new limits allow: an operator who raises `max` because the pool needs more does not want it
// to fall back to `min`.
[[nodiscard]] unsigned target_after(const WorkerCount& before, const WorkerCount& after, unsigned present) noexcept;

}  // namespace preforkd
