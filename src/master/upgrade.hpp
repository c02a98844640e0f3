// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"
#include "master/process/orphans.hpp"

namespace preforkd {

// How this process was started: what executes it again, or a newer version at the same path.
struct Invocation {
  std::string program;  // absolute
  std::vector<std::string> arguments;
};
// Of this process, from main()'s arguments as they came.
[[nodiscard]] Invocation own_invocation(int argc, const char* const* argv);

// In the child that tries an upgrade: whether this preforkd can go on with the pool of the one that has executed it, by
// the image that it got. Throws ExitError that says why not.
void check_upgrade(const std::string& pool);

// An upgrade in place: another preforkd, at the path of this one, is executed in this process and goes on with its
// workers, which stay its children. First a child tries it: it reads the config and the image of the pool, and says
// whether it can go on. So what can fail does so before the one step that cannot be undone.
class Upgrade {
 public:
  Upgrade(EventLoop& loop, Orphans& orphans, Invocation invocation)
      : loop_(loop), orphans_(orphans), invocation_(std::move(invocation)) {}
  Upgrade(const Upgrade&) = delete;
  Upgrade& operator=(const Upgrade&) = delete;
  ~Upgrade();

  [[nodiscard]] bool busy() const noexcept { return trial_pid_ != 0; }
  // Calls `done` from the event loop with the version that would go on, or why it cannot. Only while not busy().
  using Tried = std::function<void(const Result<std::string>& version)>;
  void try_successor(int image, Tried done);

  // Executes it with these descriptors left open, by number; `image` is one of them. Returns only if that fails, and
  // then why; nothing has changed.
  [[nodiscard]] Error execute(int image, const std::map<int, std::string>& descriptors) const;

 private:
  [[nodiscard]] Result<void> start_trial(int image);
  void on_trial_end();
  void end_trial();
  void kill_trial();

  EventLoop& loop_;
  Orphans& orphans_;
  const Invocation invocation_;
  Tried done_;
  pid_t trial_pid_ = 0;
  UniqueFd trial_;
  UniqueFd output_;
  EventSource exit_source_;
  EventSource deadline_;
  bool was_late_ = false;
};

}  // namespace preforkd
