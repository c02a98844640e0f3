// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "base/control_group.hpp"
#include "base/group_folder.hpp"
#include "base/unique_fd.hpp"

namespace preforkd {

// A real control group of version 2 for one test, below that of this process. It ends with all its processes.
class RealGroup {
 public:
  RealGroup() {
    const std::string mount = mount_point();
    for (const ControlGroup& own : parse_control_groups(own_control_groups(), mount)) {
      if (mount.empty() || !own.unified()) continue;
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
    static_cast<void>(folder_.kill());
    const UniqueFd events(open(path("cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
    pollfd changed{events.get(), POLLPRI, 0};
    for (int tries = 0; !folder_.remove() && tries < 100; ++tries) poll(&changed, 1, 100);
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

  GroupFolder folder_{""};
  std::string reason_ = "version 2 of control groups is not mounted here";
};

}  // namespace preforkd
