// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

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

  bool operator==(const PoolRecord&) const = default;
};

struct PoolImage {
  PoolRecord pool;
  std::vector<SlotImage> slots;      // by number
  std::vector<WorkerImage> workers;  // in order of their ids

  bool operator==(const PoolImage&) const = default;
};
static_assert(std::is_trivially_copyable_v<PoolRecord> && std::is_trivially_copyable_v<SlotImage> &&
              std::is_trivially_copyable_v<WorkerImage>);

// The configs of the generations of an image, by number.
using Generations = std::map<unsigned, std::shared_ptr<const PoolConfig>>;

}  // namespace preforkd
