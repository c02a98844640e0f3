// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <prefork/server.hpp>

#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/listener.hpp"
#include "base/pidfd.hpp"
#include "base/unique_fd.hpp"
#include "unit/worker/test_client.hpp"

namespace prefork::test {

// The sockets and environment of a worker process.
struct Start {
  std::vector<int> listeners;                                    // become descriptor 3, 4, …
  std::vector<std::pair<std::string, std::string>> environment;  // added to LISTEN_*
  std::function<void(Server&)> setup;
  std::function<void()> before;  // in the child, before the Server is made
};

// A Server in a forked process, with sockets and environment as from preforkd or systemd. The destructor kills it.
class ServerProcess {
 public:
  explicit ServerProcess(const Start& start) {
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ == 0) run(start);
    pidfd_ = preforkd::open_pidfd(pid_);
  }
  ServerProcess(ServerProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}
  ServerProcess& operator=(ServerProcess&&) = delete;
  ~ServerProcess() {
    if (pid_ <= 0) return;
    signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  // After SIGSTOP it has stopped.
  void signal(int number) const {
    ::kill(pid_, number);
    siginfo_t info{};
    if (number == SIGSTOP) ::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED);
  }
  [[nodiscard]] bool lives() const { return !wait_for(pidfd_.get(), POLLIN, std::chrono::milliseconds(0)); }
  // How often it has waited for something so far.
  [[nodiscard]] long waits() const {
    constexpr std::string_view key = "voluntary_ctxt_switches:";
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(key)) return std::stol(line.substr(key.size()));
    }
    throw std::runtime_error("the process has no status");
  }

  // Waits for its end and returns the exit status, or 1000 plus the signal's number.
  int wait() {
    if (!wait_for(pidfd_.get(), POLLIN)) throw std::runtime_error("the server does not end");
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  int terminate() {
    signal(SIGTERM);
    return wait();
  }

 private:
  [[noreturn]] static void run(const Start& start) {
    int status = 99;
    try {
      // First move them away from 3, 4, …, then to their places.
      std::vector<int> moved;
      for (const int fd : start.listeners) moved.push_back(::fcntl(fd, F_DUPFD, 200));
      int place = 3;
      for (const int fd : moved) {
        ::dup2(fd, place++);
        ::close(fd);
      }
      if (!start.listeners.empty()) {
        ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
        ::setenv("LISTEN_FDS", std::to_string(start.listeners.size()).c_str(), 1);
      }
      for (const auto& [name, value] : start.environment) ::setenv(name.c_str(), value.c_str(), 1);
      if (start.before) start.before();
      Server server;
      server.framing(Framing::lines());
      if (start.setup) start.setup(server);
      status = server.run();
    } catch (const std::exception& error) {
      ::dprintf(STDERR_FILENO, "server process: %s\n", error.what());
    }
    ::_exit(status);
  }

  pid_t pid_ = -1;
  preforkd::UniqueFd pidfd_;
};

// Catches what a child writes to stdout or stderr.
struct Output {
  Output() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  void become_stderr() const { ::dup2(write_end.get(), STDERR_FILENO); }
  void become_stdout() const { ::dup2(write_end.get(), STDOUT_FILENO); }
  // Waits for its end.
  std::string text() {
    write_end.reset();
    std::string result;
    char buffer[4096];
    while (wait_for(read_end.get(), POLLIN)) {
      const ssize_t got = ::read(read_end.get(), buffer, sizeof buffer);
      if (got <= 0) break;
      result.append(buffer, static_cast<std::size_t>(got));
    }
    return result;
  }
  preforkd::UniqueFd read_end;
  preforkd::UniqueFd write_end;
};

// A listening socket for the processes of a test, and its address.
struct Listener {
  explicit Listener(const std::string& where = "127.0.0.1:0")
      : fd(preforkd::open_listener(preforkd::parse_address(where).value()).value().fd),
        address(preforkd::format_address(preforkd::local_address(fd.get()).value())) {}
  preforkd::UniqueFd fd;
  std::string address;
};

}  // namespace prefork::test
