// SPDX-License-Identifier: MIT
#pragma once

#include "config/values/pool_config.hpp"

namespace preforkd {

// The number of workers that a pool of `present` workers is to have when its config goes from `before` to `after`.
//
// A config that says another number to begin with than the one before gets it. Otherwise `present` is what an operator
// has made of it and stays as far as the new limits allow: who raises `max` because the pool needs more has no use for
// one that falls back to `min`.
[[nodiscard]] unsigned target_after(const WorkerCount& before, const WorkerCount& after, unsigned present) noexcept;

}  // namespace preforkd
