// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/errors.hpp"
#include "master/pool/respawn_policy.hpp"
#include "master/pool/roster.hpp"

namespace preforkd {

// What the scheduler of a next master must know to go on where this one is, as plain data: Scheduler::image() and the
// constructor that takes one. Not in it: a reload in progress, which is then aborted, and transfers of connections,
// which the workers end among themselves.

struct WorkerImage {
  WorkerRecord record;
  unsigned generation = 0;
  std::optional<Instant> response_deadline;
  std::optional<Instant> lifetime_deadline;
  bool is_watched = false;  // it has a hang deadline

  bool operator==(const WorkerImage&) const = default;
};

struct SlotImage {
  RespawnPolicy::State respawn;
  RespawnPolicy::State recycling;
  std::optional<Instant> retry_at;
  bool down = false;
  std::vector<WorkerImage> workers;  // those that leave in the order in which they began to

  bool operator==(const SlotImage&) const = default;
};

struct PoolRecord {
  std::uint64_t seed = 0;
  std::uint64_t next_id = 1;
  Instant observed{};  // when the image was current
  unsigned generation = 1;
  unsigned next_generation = 2;
  unsigned target = 0;
  bool pinned = false;
  bool started = false;
  bool fully_started = false;
  bool degraded = false;
  bool empty_after_rollout = false;  // an operator wants no worker, which the reload that is aborted did not allow

  bool operator==(const PoolRecord&) const = default;
};

struct PoolImage {
  PoolRecord pool;
  std::vector<SlotImage> slots;  // by number

  bool operator==(const PoolImage&) const = default;
};

// The configs of the generations of an image, by number.
using Generations = std::map<unsigned, std::shared_ptr<const PoolConfig>>;

// Why no scheduler can be made of it, which comes from outside.
[[nodiscard]] Result<void> check(const PoolImage& image, const Generations& generations);

}  // namespace preforkd
