// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "master/process/remains.hpp"

namespace preforkd {

// The control group of preforkd@POOL.service, if `self` is that service's main process: everything in it belongs to the
// pool. By hand, in a shell's session or in another unit, it would be somebody else's too, so the test is strict: the
// group's name is the service's (version 2 of control groups only), and systemd itself has started this very process
// ($SYSTEMD_EXEC_PID). The first two parameters are those of parse_control_groups; `exec_pid` may be null.
[[nodiscard]] std::optional<std::string> service_group(std::string_view membership, const std::string& mount,
                                                       const std::string& pool, const char* exec_pid, pid_t self);

// The processes of a control group but this one, from its directory.
[[nodiscard]] std::vector<ProcessName> others_in_group(const std::string& directory);
// Of those, the ones that were started before this process.
[[nodiscard]] std::vector<ProcessName> elders_in_group(const std::string& directory);

}  // namespace preforkd
