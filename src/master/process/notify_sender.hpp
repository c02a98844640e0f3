// SPDX-License-Identifier: MIT
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

namespace preforkd {

// Whether what this process sends counts as said by the worker. As with systemd's NotifyAccess=all, its children may
// speak for it, too (systemd-notify(1) in a script). In this order, so that a worker's own messages cost no more than a
// comparison:
//
//   our own user, or root         they can do to the worker what they like, anyway
//   the worker itself             whatever user it has become
//   a process of its session      spawn() gives it one. getsid(2) knows, without any file of /proc
//   the worker's user of now      a child that has a session of its own, or is gone already and can't be asked
//
// Rejected: the control group, as systemd does it. By hand all workers share one. And a walk up the parents: it ends at
// the first that is gone.
[[nodiscard]] bool speaks_for(const ucred& sender, pid_t worker) noexcept;

}  // namespace preforkd
