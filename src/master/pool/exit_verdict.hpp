// SPDX-License-Identifier: MIT
#pragma once

#include "master/pool/pool_view.hpp"
#include "master/pool/roster.hpp"

namespace preforkd {

// What a worker's end means: its cause, and whether it was a crash. `worker` is as it was when the news came;
// what follows is left open.
//   Killed by us (a deadline, event::StopNow): the reason for that.
//   Asked to leave by us: the reason for that, unless it died of a signal that is not its stop signal.
//   An operator's signal, or an exit after one that means "leave", within drain_timeout of it: operator.
//   Else exit or signal; oom before all of these.
// A crash is what nobody asked for, apart from an exit with status 0 after a second or more of ready time: ended by a
// signal, with another status, before READY=1, or so soon after it that replacing it at once could go on for ever.
[[nodiscard]] ExitRecord judge(const Worker& worker, const ExitStatus& status, bool oom, Instant now);

// restart.never lists how it ended.
[[nodiscard]] bool never_again(const Worker& worker, const ExitRecord& record);

// The record of a worker that is killed for a crash (hang, start time-out) before it is known how it ends.
[[nodiscard]] ExitRecord crash_record(const Worker& worker, ExitCause cause, Instant now);

}  // namespace preforkd
