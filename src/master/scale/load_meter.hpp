// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <unordered_map>

#include "master/base/instant.hpp"
#include "master/pool/autoscale.hpp"
#include "master/pool/worker_types.hpp"
#include "master/process/worker_usage.hpp"

namespace preforkd {

// What the workers of a pool have done between two looks. Costs a system call or more for each worker (work_done), but
// allocates nothing for those that it knows.
class LoadMeter {
 public:
  // Begins a look. add() follows for each worker that is ready.
  void begin(Instant now);
  void add(WorkerId id, const WorkerUsage& usage);
  // Ends it: sets what is measured in `load`.
  void end(PoolLoad& load);
  // Whether the other workers of the last look have room for all connections without being full soon after. Also if a
  // worker does not say how many it accepts.
  [[nodiscard]] bool others_have_room(WorkerId leaving) const;

 private:
  struct Seen {
    Instant at{};
    Duration busy{0};
    Duration cpu{0};
    std::uint64_t connections = 0;
    std::uint64_t max_connections = 0;
  };

  Instant now_{};
  std::unordered_map<WorkerId, Seen> workers_;  // at the last look
  bool silent_ = false;
  Duration busy_{0};
  Duration time_{0};
  Duration cpu_{0};
};

}  // namespace preforkd
