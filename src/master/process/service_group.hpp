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
// pool. In a shell's session or in another unit the group may have other members, so the test is strict: the group has
// the service's name (version 2 of control groups only), and systemd has started this very process ($SYSTEMD_EXEC_PID).
// The first two parameters are those of parse_control_groups; `exec_pid` may be null.
[[nodiscard]] std::optional<std::string> service_group(std::string_view membership, const std::string& mount,
                                                       const std::string& pool, const char* exec_pid, pid_t self);

// The processes of a control group except this one, from its directory.
[[nodiscard]] std::vector<ProcessName> others_in_group(const std::string& directory);
// Those that were started before this process.
[[nodiscard]] std::vector<ProcessName> elders_in_group(const std::string& directory);

}  // namespace preforkd
