// SPDX-License-Identifier: MIT
#include "master/process/notify_sender.hpp"

#include <unistd.h>

#include "base/process_facts.hpp"

namespace preforkd {

bool speaks_for(const ucred& sender, pid_t worker) noexcept {
  if (sender.uid == 0 || sender.uid == geteuid()) return true;
  // 0 is a process that our pid namespace does not show, and means ourselves to getsid(2).
  if (sender.pid != 0 && (sender.pid == worker || getsid(sender.pid) == worker)) return true;
  constexpr unsigned effective = 1;  // of real, effective, saved and file system's
  return process_status_number(worker, "Uid", effective) == static_cast<long>(sender.uid);
}

}  // namespace preforkd
