// SPDX-License-Identifier: MIT
#include "support/proc.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "base/pidfd.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

std::string proc_path(pid_t pid, const std::string& name) { return "/proc/" + std::to_string(pid) + "/" + name; }

std::string without_end(std::string text, const std::string& characters) {
  text.erase(text.find_last_not_of(characters) + 1);
  return text;
}

}  // namespace

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(proc_path(pid, "task"), gone)) {
    std::istringstream list(read_file(task.path().string() + "/children"));
    for (pid_t child = 0; list >> child;) children.push_back(child);
  }
  return children;
}

std::vector<pid_t> descendants_of(pid_t pid) {
  std::vector<pid_t> found = children_of(pid);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::vector<pid_t> below = children_of(found[i]);
    found.insert(found.end(), below.begin(), below.end());
  }
  return found;
}

std::map<int, std::string> descriptors_of(pid_t pid) {
  std::map<int, std::string> descriptors;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator(proc_path(pid, "fd"), gone)) {
    std::error_code closed;
    const std::string target = std::filesystem::read_symlink(entry.path(), closed).string();
    if (!closed) descriptors[std::stoi(entry.path().filename().string())] = target;
  }
  return descriptors;
}

std::map<int, std::string> resting_descriptors_of(pid_t pid) {
  std::map<int, std::string> descriptors;
  const bool rests = eventually([&] {
    wait_until_asleep(pid);  // it may hold some for what it does just now
    descriptors = descriptors_of(pid);
    return std::none_of(descriptors.begin(), descriptors.end(), [&](const auto& each) {
      return each.first > STDERR_FILENO && each.second == descriptors[STDERR_FILENO];
    });
  });
  if (!rests) throw HarnessError("process " + std::to_string(pid) + " writes log lines without end");
  return descriptors;
}

std::string comm_of(pid_t pid) { return without_end(read_file(proc_path(pid, "comm")), "\n"); }

std::string title_of(pid_t pid) { return without_end(read_file(proc_path(pid, "cmdline")), std::string(1, '\0')); }

std::string status_field(pid_t pid, const std::string& name) {
  std::istringstream lines(read_file(proc_path(pid, "status")));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name + ":")) continue;
    const std::size_t begin = line.find_first_not_of(" \t", name.size() + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return {};
}

void wait_until_asleep(pid_t pid, const Deadline& deadline) {
  const auto sleeps = [pid] { return status_field(pid, "State").starts_with("S"); };
  if (!eventually(sleeps, deadline)) throw HarnessError("process " + std::to_string(pid) + " does not sleep");
}

bool wait_gone(int pidfd, const Deadline& deadline) { return wait_ready(pidfd, POLLIN, deadline); }

std::size_t kill_descendants() {
  std::size_t killed = 0;
  for (;;) {
    // A process that ends leaves its children to us, so this ends when none is left.
    for (const pid_t pid : descendants_of(::getpid())) {
      const UniqueFd pidfd = open_pidfd(pid);
      if (pidfd) send_signal(pidfd.get(), SIGKILL);
    }
    if (::waitpid(-1, nullptr, 0) < 0) return killed;
    ++killed;
  }
}

}  // namespace preforkd::component
