// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/unique_fd.hpp"

namespace preforkd {

// pidfd_open(2): a descriptor that still means this process when its number is reused. Empty if there is no such
// process or no free descriptor; errno says why.
[[nodiscard]] UniqueFd open_pidfd(pid_t pid) noexcept;

// pidfd_send_signal(2): 0, or -1 with errno; ESRCH if the process was reaped.
int send_signal(int pidfd, int signal) noexcept;

// How a process that has ended did so, as wait(2) has it. Unlike that, it works for a process that is not a child; the
// descriptor must have been opened before it was reaped. nullopt, with errno: EAGAIN if it lives or was not reaped yet;
// it may stay so before Linux 6.15. Another one if the kernel does not know this at all.
[[nodiscard]] std::optional<int> wait_status(int pidfd) noexcept;

}  // namespace preforkd
