// SPDX-License-Identifier: MIT
#pragma once

#include "master/pool/pool_view.hpp"
#include "master/pool/roster.hpp"

namespace preforkd {

// The meaning of a worker's end: its cause, and whether it was a crash. `worker` is as it was when the news arrived.
// Does not set what follows.
// Killed by us (a deadline, event::StopNow): the reason for that.
// Asked to leave by us: the reason for that, unless it was ended by a signal other than its stop signal.
// An operator's signal, or an exit within drain_timeout after an operator's signal that means "leave": operator.
//   Else exit or signal; oom before all of these.
// A crash is any exit that was not requested, except one with status 0 after at least a second of ready time. So it is
// a crash if the worker was ended by a signal, exited with another status or before READY=1, or so soon after READY=1
// that replacing it at once could go on for ever. An unknown status counts as 0.
[[nodiscard]] ExitRecord judge(const Worker& worker, const ExitStatus& status, bool oom, Instant now);

// restart.never lists this kind of exit.
[[nodiscard]] bool never_again(const Worker& worker, const ExitRecord& record);

// The record of a worker that is killed for a crash (hang, start time-out), before its exit is known.
[[nodiscard]] ExitRecord crash_record(const Worker& worker, ExitCause cause, Instant now);

}  // namespace preforkd
