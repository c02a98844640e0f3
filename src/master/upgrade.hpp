// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"
#include "master/process/orphans.hpp"
#include "master/process/spawn.hpp"

namespace preforkd {

class Succession;

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
  // `obstacle`: what is in the way of any upgrade now; empty: nothing. `on_news` is called when agreed() may have
  // changed. Borrows the rest.
  Upgrade(EventLoop& loop, Orphans& orphans, Succession& succession, Invocation invocation,
          std::function<std::string()> obstacle, std::function<void()> on_news);
  Upgrade(const Upgrade&) = delete;
  Upgrade& operator=(const Upgrade&) = delete;
  ~Upgrade();

  // Begins with a trial. Calls `done` once, maybe at once: with the version that is about to go on, or why it cannot,
  // which is logged, too.
  using Done = std::function<void(const Result<std::string>& version)>;
  void request(Done done);
  // The trial has succeeded: execute() follows at the end of the turn, when all messages are sent.
  [[nodiscard]] bool agreed() const noexcept { return state_ == State::agreed; }
  // Executes it. Returns only if that fails, which is logged; nothing has changed.
  void execute();

 private:
  //     resting ──request──▶ trying ──it can──▶ agreed ──execute fails──▶ resting
  //                            └──it cannot──▶ resting
  enum class State { resting, trying, agreed };

  [[nodiscard]] Result<void> start_trial(int image);
  void on_output();
  void on_trial_end();
  [[nodiscard]] Result<std::string> verdict(std::optional<int> status) const;
  void end_trial();
  void conclude(Result<std::string> version);

  EventLoop& loop_;
  Orphans& orphans_;
  Succession& succession_;
  const Invocation invocation_;
  const std::function<std::string()> obstacle_;
  const std::function<void()> on_news_;
  State state_ = State::resting;
  Done done_;
  std::string version_;  // that has agreed
  Spawned trial_;        // pid 0: none
  UniqueFd output_;
  std::string said_;
  EventSource output_source_;
  EventSource exit_source_;
  EventSource deadline_;
  bool was_late_ = false;
};

}  // namespace preforkd
