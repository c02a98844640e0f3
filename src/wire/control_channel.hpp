// SPDX-License-Identifier: MIT
#pragma once

#include "base/errors.hpp"
#include "base/unique_fd.hpp"

namespace preforkd {

// The SEQPACKET socket pair between the master and one worker. Today it is the worker's lifeline and carries no
// message. As long as the master's end is open somewhere (in the master, or in systemd's file descriptor store), there
// is a master or there will be one; end-of-file at the worker's end means that there is none and will be none.
struct ControlChannel {
  UniqueFd master_end;
  UniqueFd worker_end;

  // Both ends CLOEXEC and non-blocking.
  [[nodiscard]] static Result<ControlChannel> open();
};

enum class Lifeline { alive, ended };

// Reads and drops queued messages (a newer master may send some that this worker does not know). Never blocks.
[[nodiscard]] Lifeline check_lifeline(int worker_end) noexcept;

}  // namespace preforkd
