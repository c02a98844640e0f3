// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <string_view>

#include "base/errors.hpp"
#include "worker/io/ledger.hpp"

namespace prefork::internal {

// A keeper: a process that outlives its worker and then gives the resting connections to other workers. It shares the
// worker's descriptor table and nothing else (CLONE_FILES without CLONE_VM), so that the sockets stay open when the
// worker is gone, and so that close(2) in the worker still closes: a connection costs no message and no system call for
// it. Until then it sleeps, with every signal blocked.
//
// When the worker is gone, however it ended:
//   - it resets the connections that were busy, so that their clients learn at once that their request is lost, and
//     closes all else that does not rest
//   - it asks the master for a worker that takes the others (wire/control_message.hpp), gives them to it
//     (wire/transfer.hpp), and reports what became of them. Without a taker it ends, which closes them.
//
// Rejected: duplicates of the sockets in another process. Each would cost a message and a wake-up, and close(2) in the
// worker would no longer close.
struct KeeperPlan {
  Ledger ledger;
  int control_fd = -1;     // of the control channel; the keeper reads it only when the worker is gone
  int worker_pidfd = -1;   // of the process that calls start_keeper()
  int patience_ms = 0;     // for takers, after the worker's end
  std::string_view title;  // as for set_process_title()
};

// Fails if the kernel makes no process (RLIMIT_NPROC, TasksMax=, memory). Its exit signal is 0: only a wait with __WALL
// finds it.
[[nodiscard]] preforkd::Result<pid_t> start_keeper(const KeeperPlan& plan) noexcept;

}  // namespace prefork::internal
