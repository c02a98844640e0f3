// SPDX-License-Identifier: MIT
#pragma once

#include <map>

#include "master/base/instant.hpp"
#include "master/pool/autoscale.hpp"
#include "master/pool/worker_types.hpp"
#include "master/process/worker_usage.hpp"

namespace preforkd {

// What the workers of a pool have done between two looks.
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
  struct Before {
    WorkerUsage usage;
    Instant at{};
  };

  Instant now_{};
  std::map<WorkerId, Before> before_;
  std::map<WorkerId, Before> present_;
  bool full_ = true;
  Duration busy_{0};
  Duration time_{0};
  Duration cpu_{0};
};

}  // namespace preforkd
