// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string>
#include <vector>

#include "base/control_group.hpp"
#include "base/group_folder.hpp"
#include "base/unique_fd.hpp"

namespace preforkd {

// A real control group of version 2 for one test, below that of this process. It ends with all its processes,
// except this one.
class RealGroup {
 public:
  RealGroup() {
    const std::string mount = mount_point();
    for (const ControlGroup& own : parse_control_groups(own_control_groups(), mount)) {
      if (mount.empty() || !own.unified()) continue;
      home_ = GroupFolder(mount + own.group);
      static unsigned number = 0;
      auto made = GroupFolder::make(mount + own.group + "/preforkd-test-" + std::to_string(getpid()) + "-" +
                                    std::to_string(++number));
      if (made) folder_ = *made;
      reason_ = made ? "" : made.error().text;
    }
  }
  RealGroup(const RealGroup&) = delete;
  RealGroup& operator=(const RealGroup&) = delete;
  ~RealGroup() {
    if (!*this) return;
    const std::vector<pid_t> members = folder_.processes();
    if (std::find(members.begin(), members.end(), getpid()) != members.end() && !home_.enter()) return;
    static_cast<void>(folder_.kill());
    const UniqueFd events(open(path("cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
    pollfd changed{events.get(), POLLPRI, 0};
    std::array<char, 64> text{};  // only what was read can change
    for (int tries = 0; !folder_.remove() && tries < 100; ++tries) {
      if (pread(events.get(), text.data(), text.size(), 0) > 0) poll(&changed, 1, 100);
    }
  }

  [[nodiscard]] explicit operator bool() const noexcept { return reason_.empty(); }
  // Why there is none.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
  [[nodiscard]] const GroupFolder& folder() const noexcept { return folder_; }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path() + '/' + name; }

 private:
  static std::string mount_point() {
    std::ifstream mounts("/proc/self/mounts");
    std::string device;
    std::string place;
    std::string type;
    for (std::string rest; mounts >> device >> place >> type && std::getline(mounts, rest);) {
      if (type == "cgroup2") return place;
    }
    return "";
  }

  GroupFolder home_{""};
  GroupFolder folder_{""};
  std::string reason_ = "version 2 of control groups is not mounted here";
};

}  // namespace preforkd
