// SPDX-License-Identifier: MIT
#include "ctl/base/program.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/errors.hpp"

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
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) refuse(program, errno);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void become(const std::string& program, const std::vector<std::string>& arguments) {
  ::execvp(program.c_str(), command_line(program, arguments).data());
  refuse(program, errno);
}

}  // namespace preforkd::ctl
