// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "support/process.hpp"

namespace preforkd::component {

// A running preforkd with its own pool, at --log-level debug.
class Master {
 public:
  struct Options {
    unsigned workers = 3;
    std::vector<std::string> arguments;  // more options of preforkd
    std::string listen = "127.0.0.1:0";  // empty: none
    StartOptions start;
  };
  explicit Master(const std::vector<std::string>& program) : Master(program, Options()) {}
  Master(const std::vector<std::string>& program, const Options& options);

  // Waits until all workers have been ready once.
  void wait_ready(const Deadline& deadline = {}) const;
  // "127.0.0.1:40000": the first listening socket.
  [[nodiscard]] const std::string& address() const;

  [[nodiscard]] Process& process() noexcept { return process_; }
  [[nodiscard]] const Output& out() const noexcept { return process_.out(); }
  [[nodiscard]] const Output& log() const noexcept { return process_.err(); }
  [[nodiscard]] pid_t pid() const noexcept { return process_.pid(); }
  void signal(int number) const { process_.signal(number); }
  // Sends SIGTERM and returns the exit that follows.
  Exit stop();

  [[nodiscard]] std::vector<pid_t> workers() const;
  // The last process of a slot that sent READY=1, by the log from byte `from` on.
  pid_t worker(unsigned slot, std::size_t from = 0, const Deadline& deadline = {}) const;

 private:
  unsigned workers_;
  Process process_;
  mutable std::string address_;
};

// This many workers, and more options of preforkd.
[[nodiscard]] Master::Options with_workers(unsigned workers, std::vector<std::string> arguments = {});

}  // namespace preforkd::component
