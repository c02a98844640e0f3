// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "master/pool/worker_types.hpp"
#include "master/process/counters.hpp"

namespace preforkd {

// What is known of a worker's process, beside what the pool decides.
struct WorkerFacts {
  pid_t pid = 0;                      // 0: the process is gone
  std::string status_text;            // its last STATUS=, fit for one line
  std::optional<int> reported_error;  // its last ERRNO=
  Counters counters;
  std::string remains;  // once it has ended, the processes that are left of it: "pid 4711 (python3)"
};
using WorkerLookup = std::function<WorkerFacts(WorkerId)>;

}  // namespace preforkd
