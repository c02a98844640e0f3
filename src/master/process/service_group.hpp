// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/group_folder.hpp"
#include "master/process/remains.hpp"
#include "master/process/worker_parts.hpp"

namespace preforkd {

// The control group of preforkd@POOL.service, if `self` is that service's main process: everything in it belongs to the
// pool. In a shell's session or in another unit the group may have other members, so the test is strict: the group has
// the service's name (version 2 of control groups only), or is its group "master", and systemd has started this very
// process ($SYSTEMD_EXEC_PID).
// The first two parameters are those of parse_control_groups; `exec_pid` may be null.
[[nodiscard]] std::optional<std::string> service_group(std::string_view membership, const std::string& mount,
                                                       const std::string& pool, const char* exec_pid, pid_t self);

// Whether this process is in a service's group "master". `membership` is that of parse_control_groups.
[[nodiscard]] bool is_in_master_group(std::string_view membership);

// All processes of a service except this one and those that systemd has started for it (".control").
[[nodiscard]] std::vector<ProcessName> others_in_service(const GroupFolder& service);
// Of those, the ones in `earlier` groups, and elsewhere those that were started before this process; none of a worker
// that was `adopted`.
[[nodiscard]] std::vector<ProcessName> elders_in_service(const GroupFolder& service,
                                                         const std::vector<GroupFolder>& earlier,
                                                         const std::vector<WorkerParts>& adopted = {});

}  // namespace preforkd
