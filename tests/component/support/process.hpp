// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "support/deadline.hpp"
#include "support/output.hpp"

namespace preforkd::component {

struct StartOptions {
  std::vector<std::pair<std::string, std::string>>
      environment;                     // added to ours, from which the contract's variables are removed
  std::vector<int> descriptors;        // become 3, 4, …; borrowed
  bool listen_pid = false;             // sets LISTEN_PID to the new process
  bool only_this_environment = false;  // without our own
  std::vector<int> ignored_signals;
  std::vector<int> blocked_signals;
  std::optional<std::string> directory;
};

struct Exit {
  std::optional<int> status;  // exit(3)
  std::optional<int> signal;  // or the signal that ended it
};

// A program that a test runs: in its own session, stdin from /dev/null, stdout and stderr captured. The destructor
// kills (SIGKILL) and reaps it; what it leaves behind is killed at the end of the test.
class Process {
 public:
  // Throws HarnessError if it cannot be started.
  Process(const std::string& program, const std::vector<std::string>& arguments, const StartOptions& options = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
  void signal(int number) const;

  // Throws HarnessError with its output if it has not ended by then. May be called again.
  Exit wait_exit(const Deadline& deadline = {});

  [[nodiscard]] const Output& out() const noexcept { return *out_; }
  [[nodiscard]] const Output& err() const noexcept { return *err_; }

 private:
  void reap();

  pid_t pid_ = -1;
  UniqueFd pidfd_;
  std::unique_ptr<Output> out_;
  std::unique_ptr<Output> err_;
  std::optional<Exit> exit_;
};

// The result of a program that has ended.
struct Ended {
  int status = -1;  // -1: a signal ended it
  std::string out;
  std::string err;
};

Ended run(const std::string& program, const std::vector<std::string>& arguments, const StartOptions& options = {});

}  // namespace preforkd::component
