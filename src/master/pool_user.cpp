// SPDX-License-Identifier: MIT
#include "master/pool_user.hpp"

#include <grp.h>
#include <pwd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

namespace preforkd {
namespace {

// As User= and SupplementaryGroups= of preforkd@.service.
constexpr const char* default_user = "_preforkd";
constexpr const char* bus_group = "_preforkd";

std::vector<gid_t> groups_of(const passwd& user) {
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  if (getgrouplist(user.pw_name, user.pw_gid, groups.data(), &count) < 0) {
    groups.resize(static_cast<std::size_t>(count));
    getgrouplist(user.pw_name, user.pw_gid, groups.data(), &count);
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

}  // namespace

bool is_of_unit(const PoolConfig& config, const ConfigFolders& folders) {
  const std::string folder = std::filesystem::path(config.file).parent_path();
  return std::find(folders.begin(), folders.end(), folder) != folders.end();
}

Result<bool> become_pool_user(const PoolConfig& config, const ConfigFolders& folders) {
  if (geteuid() != 0 || !is_of_unit(config, folders)) return false;
  const passwd* const user = getpwnam(config.user.empty() ? default_user : config.user.c_str());
  const group* const bus = getgrnam(bus_group);
  if (user == nullptr || bus == nullptr) {
    if (sd_booted() <= 0) return false;
    return Failure("the user or group _preforkd of the pool's unit does not exist; systemd-sysusers creates them");
  }
  std::vector<gid_t> groups = groups_of(*user);
  groups.push_back(bus->gr_gid);
  if (setgroups(groups.size(), groups.data()) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
    return os_failure(errno, "cannot check it as user " + std::string(user->pw_name) + ": ");
  return true;
}

}  // namespace preforkd
