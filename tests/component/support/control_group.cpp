// SPDX-License-Identifier: MIT
#include "support/control_group.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "base/errors.hpp"
#include "support/deadline.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

bool write_to(const std::string& file, const std::string& text) {
  std::ofstream out(file);
  return static_cast<bool>(out << text << std::flush);
}

// One line of /proc/self/cgroup, "ID:CONTROLLERS:GROUP".
struct Membership {
  std::string controllers;  // separated by commas; empty: version 2
  std::string group;

  [[nodiscard]] bool has(const std::string& controller) const {
    return ("," + controllers + ",").find("," + controller + ",") != std::string::npos;
  }
};

Membership parse(const std::string& line) {
  const std::size_t first = line.find(':');
  const std::size_t second = line.find(':', first + 1);
  return {line.substr(first + 1, second - first - 1), line.substr(second + 1)};
}

}  // namespace

TestControlGroup::TestControlGroup(const Limit& limit) {
  const std::string mount = "/sys/fs/cgroup";
  std::istringstream lines(read_file("/proc/self/cgroup"));
  for (std::string line; std::getline(lines, line);) {
    const Membership own = parse(line);
    for (const std::string& group : {own.group, std::string()}) {
      if (own.controllers.empty()) try_at(mount + group, limit.unified, limit.unified_value);
      if (own.has(limit.controller)) {
        try_at(mount + "/" + own.controllers + group, limit.legacy, limit.legacy_value);
      }
    }
  }
}

TestControlGroup::~TestControlGroup() {
  if (!path_.empty()) static_cast<void>(eventually([&] { return ::rmdir(path_.c_str()) == 0; }));
}

void TestControlGroup::take(pid_t process) const {
  if (!write_to(path_ + "/cgroup.procs", std::to_string(process))) throw HarnessError("cannot enter " + path_);
}

void TestControlGroup::try_at(const std::string& parent, const std::string& file, const std::string& value) {
  if (!path_.empty()) return;
  const std::string path = parent + "/preforkd_test_" + std::to_string(::getpid());
  if (::mkdir(path.c_str(), 0755) != 0) {
    reason_ += path + ": " + errno_text(errno) + "; ";
  } else if (write_to(path + "/" + file, value)) {
    path_ = path;
  } else {
    reason_ += path + "/" + file + " can't be written; ";
    ::rmdir(path.c_str());
  }
}

}  // namespace preforkd::component
