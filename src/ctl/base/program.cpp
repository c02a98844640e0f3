// SPDX-License-Identifier: MIT
#include "ctl/base/program.hpp"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/errors.hpp"
#include "ctl/base/command_error.hpp"

namespace preforkd::ctl {

std::string own_neighbour(const std::string& name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string path = (self.parent_path() / name).string();
  return !error && ::access(path.c_str(), X_OK) == 0 ? path : name;
}

void become(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<char*> words{const_cast<char*>(program.c_str())};  // execvp does not write to them
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  throw CommandError(exit_code::unavailable,
                     "cannot execute: " + program + ": " + errno_text(errno) + "; is it installed and in $PATH?");
}

}  // namespace preforkd::ctl
