// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include "base/unique_fd.hpp"

namespace preforkd {

// pidfd_open(2): a descriptor that still means this process when its number is reused. Empty if there is no such
// process or no free descriptor; errno says why.
[[nodiscard]] UniqueFd open_pidfd(pid_t pid) noexcept;

// pidfd_send_signal(2): 0, or -1 with errno; ESRCH if the process was reaped.
int send_signal(int pidfd, int signal) noexcept;

}  // namespace preforkd
