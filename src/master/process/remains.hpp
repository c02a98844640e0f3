// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <list>
#include <string>
#include <vector>

#include "base/group_folder.hpp"
#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"

namespace preforkd {

struct ProcessName {
  pid_t pid = 0;
  std::string name;  // the program's, as ps shows it; "?" if a sandbox hides it
  pid_t group = 0;   // its process group
  std::uint64_t started = std::numeric_limits<std::uint64_t>::max();  // as in ProcessStat
  bool told = false;                                                  // it has got the stop signal already
  bool starts_none = false;                                           // it has no children, and never will
};

// Those of `orphans` that live.
[[nodiscard]] std::vector<ProcessName> living(const std::vector<pid_t>& orphans);
// What a worker without a control group has left of them: the processes of the session that its first process,
// `leader`, has led, and those of other sessions that were started with its $NOTIFY_SOCKET, such as daemons.
[[nodiscard]] std::vector<ProcessName> left_of_worker(const std::vector<pid_t>& orphans, pid_t leader,
                                                      const std::string& notify_path);
// Adds those of the session that `leader` has led, which are not orphans of this process: it was adopted, or this
// process gets no orphans. It was started at that time, as in ProcessStat. Those in other sessions are not found: that
// would mean to read the environment of each process of the machine.
void add_left_in_session(std::vector<ProcessName>& found, pid_t leader, std::uint64_t started);

// The processes of a control group and of those below it.
[[nodiscard]] std::vector<ProcessName> processes_of(const GroupFolder& group);

// Processes that are left after their first process has ended. Each is watched and signalled by a pidfd, so that no
// signal ever reaches an unrelated process, and the kernel reports when it ends. Rejected: kill(2) on the process group
// and polling it. The group's number may have been reused by then, and zombies count as members.
class Remains {
 public:
  using Find = std::function<std::vector<ProcessName>()>;

  // `find` lists those that are left now. Calls `on_gone` from the event loop once the last one has ended; it may
  // destroy this object. Searches at once: if there are none, empty() is true and nothing is called. `kill`, if given,
  // ends all of them at once, also those that are just being forked: then SIGKILL goes this way first.
  Remains(EventLoop& loop, Find find, std::function<void()> on_gone, std::function<void()> kill = {});
  Remains(const Remains&) = delete;
  Remains& operator=(const Remains&) = delete;

  [[nodiscard]] bool empty() const noexcept { return left_.empty(); }

  // Sends it to all of them, and to those found later; a signal other than SIGKILL not to those that were told.
  void signal(int signal) noexcept;

  // "pid 4711 (python3), pid 4712 (sh)": only the first few.
  [[nodiscard]] std::string text() const;

 private:
  // Never moved: the source must be destroyed before its descriptor is closed. A worker that is being forked holds a
  // copy of the descriptor, and epoll would continue to report it.
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
  std::function<void()> kill_;
  std::list<Left> left_;
  int signal_ = 0;  // the last one
};

}  // namespace preforkd
