// SPDX-License-Identifier: MIT
#include "master/process/orphans.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <utility>

#include "base/process_facts.hpp"

namespace preforkd {
namespace {

// The kernel goes through all workers to find dead orphans: once for those of this time, not for each of them.
constexpr Duration reap_delay = std::chrono::milliseconds(100);

bool is_dead(pid_t child) noexcept {
  siginfo_t dead{};
  return waitid(P_PID, static_cast<id_t>(child), &dead, WEXITED | WNOHANG | WNOWAIT) == 0 && dead.si_pid == child;
}

bool gets_orphans() noexcept {
  int is_subreaper = 0;
  return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper) == 0 && is_subreaper != 0);
}

}  // namespace

Orphans::Orphans(EventLoop& loop, bool adopts) {
  if (adopts) prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (!gets_orphans()) return;
  children_.reset(open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC));
  timer_ = loop.add_timer(Priority::signal, reap_delay, [this] {
    due_ = false;
    reap();
  });
  source_ = loop.add_signal(SIGCHLD, Priority::signal, [this] {
    if (!std::exchange(due_, true)) timer_.arm(SteadyClock().now() + reap_delay);
  });
}

std::vector<pid_t> Orphans::all() const {
  std::vector<pid_t> found;
  if (!source_) return found;
  for_each_pid(read_kernel_file(children_.get()), [&](pid_t child) {
    if (!workers_.contains(child) && !is_dead(child)) found.push_back(child);
  });
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::vector<pid_t> children = children_of(found[i]);
    found.insert(found.end(), children.begin(), children.end());
  }
  return found;
}

void Orphans::reap() noexcept {
  if (!source_) return;
  for (;;) {
    siginfo_t dead{};
    if (waitid(P_ALL, 0, &dead, WEXITED | WNOHANG | WNOWAIT) != 0 || dead.si_pid == 0) return;
    if (workers_.contains(dead.si_pid)) return;
    waitid(P_PID, static_cast<id_t>(dead.si_pid), &dead, WEXITED | WNOHANG);
  }
}

}  // namespace preforkd
