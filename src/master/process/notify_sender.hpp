// SPDX-License-Identifier: MIT
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

namespace preforkd {

// Whether messages of this sender count as the worker's. As with systemd's NotifyAccess=all, its children may send for
// it, too (systemd-notify(1) in a script). In this order, so that a worker's own messages cost only a comparison:
//
//   our own user, or root         they have full control of the worker anyway
//   the worker itself             as any user
//   a process of its session      spawn() gives it one. getsid(2) knows it, without reading /proc
//   the worker's present user     a child that has a session of its own, or has ended and cannot be looked up
//
// Rejected: the control group, as systemd does it; workers of a pool started by hand share one. And a walk up the
// parents: it ends at the first that has ended.
[[nodiscard]] bool speaks_for(const ucred& sender, pid_t worker) noexcept;

}  // namespace preforkd
