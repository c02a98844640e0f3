// SPDX-License-Identifier: MIT
#pragma once

#include "base/errors.hpp"
#include "base/unique_fd.hpp"

namespace preforkd {

// The SEQPACKET socket pair between the master and one worker, for control_message.hpp. It is the worker's lifeline,
// too: as long as the master's end is open somewhere (in the master, or in systemd's file descriptor store), there is a
// master or there will be one; end-of-file at the worker's end means that there is none and will be none.
struct ControlChannel {
  UniqueFd master_end;
  UniqueFd worker_end;

  // Both ends CLOEXEC and non-blocking.
  [[nodiscard]] static Result<ControlChannel> open();
};

}  // namespace preforkd
