// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"

namespace preforkd {

struct ProcessName {
  pid_t pid = 0;
  std::string name;  // the program's, as ps shows it
};

// The processes of a session whose leader is gone; none if one of that number lives, which is another's then. Those of
// numbers up to `above` are not looked at.
[[nodiscard]] std::vector<ProcessName> left_of_session(pid_t leader, pid_t above = 0);

// Processes that something has left behind whose first process is gone. Each is watched and signalled by a pidfd, so
// that no signal ever reaches a stranger, and the kernel tells when it ends. Rejected: kill(2) on the process group and
// looking at it again and again. The group's number may be another's by then, and zombies count as members.
class Remains {
 public:
  using Find = std::function<std::vector<ProcessName>()>;

  // `find` lists those that are left now. `on_gone` is called from the event loop once the last one has ended; it may
  // destroy this object. Looks at once: empty() if there is none, and then nothing is called.
  Remains(EventLoop& loop, Find find, std::function<void()> on_gone);
  Remains(const Remains&) = delete;
  Remains& operator=(const Remains&) = delete;

  [[nodiscard]] bool empty() const noexcept { return left_.empty(); }

  // Sends it to all of them, and to those that they start from now on.
  void signal(int signal) noexcept;

  // "pid 4711 (python3), pid 4712 (sh)", at most a few.
  [[nodiscard]] std::string text() const;

 private:
  // Stays where it is: its source must be gone before its descriptor is closed, since a worker that is just being
  // forked holds a copy of that, and epoll would go on reporting it.
  struct Left {
    ProcessName process;
    UniqueFd pidfd;
    EventSource source;
  };
  void look();
  void watch(const ProcessName& process);
  void on_end(pid_t pid);

  EventLoop& loop_;
  Find find_;
  std::function<void()> on_gone_;
  std::list<Left> left_;
  int signal_ = 0;  // the last one
};

}  // namespace preforkd
