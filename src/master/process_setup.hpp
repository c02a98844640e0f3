// SPDX-License-Identifier: MIT
#pragma once

#include <sys/resource.h>

#include <optional>

namespace preforkd {

// What the master inherited from its parent, adapted for a supervisor.
struct ProcessSetup {
  std::optional<rlim_t> soft_open_files;  // RLIMIT_NOFILE's soft limit before it was raised: workers get it back
  bool leaves_with_terminal = false;      // SIGHUP comes from a terminal that hangs up, unless nohup(1) ignores it
  bool in_master_group = false;           // systemd has started it in a control group of its own (DelegateSubgroup=)
};

// Opens /dev/null as those of the descriptors 0, 1 and 2 that are closed (a socket must never become stderr), ignores
// SIGPIPE and SIGXFSZ (the failed write is enough), sets SIGCHLD to its default (if it is ignored, the kernel reaps
// children and their exit status is lost), and raises the soft limit of open files to the hard one, since each worker
// costs the master a handful. Throws ExitError.
[[nodiscard]] ProcessSetup set_up_process();

// True if this process has a controlling terminal that is not hung up.
[[nodiscard]] bool has_terminal() noexcept;

}  // namespace preforkd
