// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace preforkd {

// How many workers this process may have, by what it is allowed to open and to start. A worker that exceeds this cannot
// be started, which its slot only finds out when it tries.
struct WorkerRoom {
  // What the master has open for each: the pidfd, its ends of the control channel and of the notify socket, and the
  // statistics page; until its program runs, a pipe, too.
  static constexpr unsigned descriptors_each = 4;

  unsigned workers = 0;
  unsigned surge = 0;      // how many more a reload may start beside them
  unsigned present = 0;    // how many live now
  std::string membership;  // the text of /proc/self/cgroup
  std::string mount;       // of control groups

  // What is missing, one line for each limit; empty if there is room for all.
  [[nodiscard]] std::vector<std::string> shortages() const;
};

}  // namespace preforkd
