// SPDX-License-Identifier: MIT
#include "ctl/password_agent.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/unique_fd.hpp"

namespace preforkd::ctl {
namespace {

constexpr int notify_fd = 3;  // in the agent

// -1 if it cannot be executed.
pid_t start(const std::string& program, int notify) {
  std::string name = program;
  std::string notify_option = "--notify-fd=" + std::to_string(notify_fd);
  std::string fallback_option = "--fallback";  // an agent of the session comes first
  std::array<char*, 4> arguments{name.data(), notify_option.data(), fallback_option.data(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, notify, notify_fd);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, name.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? pid : -1;
}

}  // namespace

bool PasswordAgent::wanted(const Options& options) {
  const bool local_system = options.bus.is_local_system();
  return options.ask_password && local_system && ::geteuid() != 0 && ::isatty(STDIN_FILENO) == 1;
}

PasswordAgent::PasswordAgent(const std::string& program) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  pid_ = start(program, writer.get());
  writer.reset();
  // The agent closes its end when it has registered.
  char byte = 0;
  while (pid_ > 0 && ::read(reader.get(), &byte, 1) != 0) {
    if (errno != EINTR) break;
  }
}

PasswordAgent::~PasswordAgent() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  ::kill(pid_, SIGCONT);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace preforkd::ctl
