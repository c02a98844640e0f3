// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "support/deadline.hpp"

// What /proc shows about processes that need not be our children.
namespace preforkd::component {

[[nodiscard]] std::vector<pid_t> children_of(pid_t pid);
[[nodiscard]] std::vector<pid_t> descendants_of(pid_t pid);  // children before their own children

// "socket:[4711]", "/dev/null", …, by descriptor number.
[[nodiscard]] std::map<int, std::string> descriptors_of(pid_t pid);
// The descriptors of a master while it writes no log line: it opens one for each line.
[[nodiscard]] std::map<int, std::string> resting_descriptors_of(pid_t pid);

[[nodiscard]] std::string comm_of(pid_t pid);
[[nodiscard]] std::string title_of(pid_t pid);  // as ps shows it
// The value after "NAME:" in /proc/PID/status, without blanks around it.
[[nodiscard]] std::string status_field(pid_t pid, const std::string& name);

// Until it sleeps, so that nothing which it was given is in its hands. Throws at the deadline.
void wait_until_asleep(pid_t pid, const Deadline& deadline = {});

// Whether the process of a pidfd ends before the deadline.
[[nodiscard]] bool wait_gone(int pidfd, const Deadline& deadline = {});

// Sends SIGKILL to all descendants of this process and reaps those that are or become its own children (it must be a
// subreaper, see prctl(2)). Returns how many there were.
std::size_t kill_descendants();

}  // namespace preforkd::component
