// SPDX-License-Identifier: MIT
#include "base/group_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <string_view>

#include "base/process_facts.hpp"
#include "base/split.hpp"

namespace preforkd {
namespace {

// A name that leads out of the folder, or back to it.
bool is_dots(std::string_view name) noexcept { return name == "." || name == ".."; }

}  // namespace

Result<GroupFolder> GroupFolder::make(std::string path) {
  constexpr mode_t mode = 0755;
  if (mkdir(path.c_str(), mode) != 0) return os_failure(errno, "cannot create " + path + ": ");
  static_cast<void>(chmod(path.c_str(), mode));
  return GroupFolder(std::move(path));
}

std::string GroupFolder::name() const { return path_.substr(path_.rfind('/') + 1); }

std::vector<GroupFolder> GroupFolder::below() const {
  std::vector<GroupFolder> groups;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path_.c_str()), ::closedir);
  if (folder == nullptr) return groups;
  while (const dirent* const entry = ::readdir(folder.get())) {
    if (entry->d_type == DT_DIR && !is_dots(entry->d_name)) groups.emplace_back(path_ + '/' + entry->d_name);
  }
  return groups;
}

std::vector<pid_t> GroupFolder::processes() const {
  std::vector<pid_t> found;
  for_each_pid(read_kernel_file(path_ + "/cgroup.procs"), [&found](pid_t pid) {
    if (pid > 0) found.push_back(pid);  // 0: of another pid namespace
  });
  for (const GroupFolder& group : below()) {
    const std::vector<pid_t> there = group.processes();
    found.insert(found.end(), there.begin(), there.end());
  }
  return found;
}

bool GroupFolder::populated() const {
  return read_kernel_file(path_ + "/cgroup.events").find("populated 1") != std::string::npos;
}

std::optional<std::uint64_t> GroupFolder::number(const std::string& file, std::string_view name) const {
  const std::string text = read_kernel_file(path_ + '/' + file);
  for (std::string_view line : split(text, '\n')) {
    if (!name.empty()) {
      if (!line.starts_with(name) || line.substr(name.size(), 1) != " ") continue;
      line.remove_prefix(name.size() + 1);
    }
    std::uint64_t number = 0;
    const auto end = std::from_chars(line.data(), line.data() + line.size(), number);
    return end.ec == std::errc{} ? std::optional(number) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<double> GroupFolder::pressure(const std::string& resource) const {
  double percent = 0;
  const std::string text = read_kernel_file(path_ + '/' + resource + ".pressure");
  return std::sscanf(text.c_str(), "some avg10=%lf", &percent) == 1 ? std::optional(percent) : std::nullopt;
}

Result<void> GroupFolder::set(std::string_view file, std::string_view value) const {
  const std::string path = path_ + '/' + std::string(file);
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
    return os_failure(errno, "cannot write " + path + ": ");
  return {};
}

Result<void> GroupFolder::enter() const {
  const UniqueFd fd = entrance();
  if (!fd || write(fd.get(), "0", 1) != 1) return os_failure(errno, "cannot enter " + path_ + ": ");
  return {};
}

UniqueFd GroupFolder::entrance() const noexcept {
  return UniqueFd(open((path_ + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
}

bool GroupFolder::kill() const noexcept {
  const UniqueFd fd(open((path_ + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC));
  return fd && write(fd.get(), "1", 1) == 1;
}

bool GroupFolder::remove() const noexcept {
  if (rmdir(path_.c_str()) == 0 || errno == ENOENT) return true;
  for (const GroupFolder& group : below()) static_cast<void>(group.remove());
  return rmdir(path_.c_str()) == 0;
}

}  // namespace preforkd
