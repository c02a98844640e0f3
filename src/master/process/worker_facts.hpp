// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "master/pool/worker_types.hpp"
#include "master/process/counters.hpp"

namespace preforkd {

// What is known of a worker's process, other than the pool's decisions.
struct WorkerFacts {
  pid_t pid = 0;                      // 0: the process has ended
  std::string status_text;            // its last STATUS=, made safe for one line
  std::optional<int> reported_error;  // its last ERRNO=
  Counters counters;
  std::string remains;  // after it has ended: its processes that are left, "pid 4711 (python3)"
};
using WorkerLookup = std::function<WorkerFacts(WorkerId)>;

}  // namespace preforkd
