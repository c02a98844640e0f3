// SPDX-License-Identifier: MIT
#include "ctl/base/program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"

namespace preforkd::ctl {
namespace {

// exec and spawn do not write to it.
std::vector<char*> command_line(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<char*> words{const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  return words;
}

[[noreturn]] void refuse(const std::string& program, int error) {
  throw ExitError(exit_code::unavailable,
                  "cannot execute: " + program + ": " + errno_text(error) + "; is it installed and in $PATH?");
}

int wait_for(const std::string& program, pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) refuse(program, errno);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// To its end; keeps the last part.
std::string read_all(int from) {
  constexpr std::size_t kept = 8192;
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t size = ::read(from, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(size));
    if (text.size() > 2 * kept) text.erase(0, text.size() - kept);
  }
}

// posix_spawn's settings: a process group of its own, no signal blocked, nothing to read, and the output goes to `to`.
class Background {
 public:
  explicit Background(int to) {
    sigset_t none;
    sigemptyset(&none);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, to, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, to, STDERR_FILENO);
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  [[nodiscard]] const posix_spawn_file_actions_t* actions() const noexcept { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const noexcept { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

std::string own_neighbour(const std::string& name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string path = (self.parent_path() / name).string();
  return !error && ::access(path.c_str(), X_OK) == 0 ? path : name;
}

int run_program(const std::string& program, const std::vector<std::string>& arguments, bool quiet) {
  std::vector<char*> words = command_line(program, arguments);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  if (quiet) ::posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, words[0], &files, nullptr, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  if (error != 0) refuse(program, error);
  return wait_for(program, child);
}

ProgramOutput run_in_background(const std::string& program, const std::vector<std::string>& arguments) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) refuse(program, errno);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  std::vector<char*> words = command_line(program, arguments);
  pid_t child = 0;
  {
    const Background background(writer.get());
    if (const int error =
            ::posix_spawnp(&child, words[0], background.actions(), background.attributes(), words.data(), environ);
        error != 0)
      refuse(program, error);
  }
  writer.reset();
  ProgramOutput ended{0, read_all(reader.get())};
  ended.status = wait_for(program, child);
  return ended;
}

void become(const std::string& program, const std::vector<std::string>& arguments) {
  ::execvp(program.c_str(), command_line(program, arguments).data());
  refuse(program, errno);
}

}  // namespace preforkd::ctl
