// SPDX-License-Identifier: MIT
#include "master/process/orphans.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

namespace preforkd {
namespace {

bool gets_orphans() noexcept {
  int is_subreaper = 0;
  return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper) == 0 && is_subreaper != 0);
}

}  // namespace

Orphans::Orphans(EventLoop& loop, std::function<bool(pid_t)> is_worker) : is_worker_(std::move(is_worker)) {
  if (gets_orphans()) source_ = loop.add_signal(SIGCHLD, Priority::signal, [this] { reap(); });
}

void Orphans::reap() noexcept {
  if (!source_) return;
  for (;;) {
    siginfo_t dead{};
    if (waitid(P_ALL, 0, &dead, WEXITED | WNOHANG | WNOWAIT) != 0 || dead.si_pid == 0) return;
    if (is_worker_(dead.si_pid)) return;
    waitid(P_PID, static_cast<id_t>(dead.si_pid), &dead, WEXITED | WNOHANG);
  }
}

}  // namespace preforkd
