// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"

namespace preforkd {

// A control group of version 2, by its folder. It owns nothing, and the group may vanish at any time: a question is
// then answered as for a group without processes.
class GroupFolder {
 public:
  explicit GroupFolder(std::string path) : path_(std::move(path)) {}
  // Makes the folder, which other users may read whatever the umask is. Fails with the errno, EEXIST included.
  [[nodiscard]] static Result<GroupFolder> make(std::string path);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string name() const;

  // The groups directly below it.
  [[nodiscard]] std::vector<GroupFolder> below() const;
  // The processes in it and in all groups below it, each once. No zombies.
  [[nodiscard]] std::vector<pid_t> processes() const;
  // Whether there are any; costs less than the list.
  [[nodiscard]] bool populated() const;

  // A number in one of its files: "memory.current", or with its name the one of a line "usage_usec 4711" in "cpu.stat".
  // nullopt without it: "max", a controller that is not enabled, an older kernel.
  [[nodiscard]] std::optional<std::uint64_t> number(const std::string& file, std::string_view name = {}) const;
  // The share of the last ten seconds, in percent, in which some process waited for "cpu", "memory" or "io".
  [[nodiscard]] std::optional<double> pressure(const std::string& resource) const;

  // Writes to one of its files: "memory.max".
  [[nodiscard]] Result<void> set(std::string_view file, std::string_view value) const;

  // Moves this process into it.
  [[nodiscard]] Result<void> enter() const;
  // A process that writes "0" to this descriptor moves into the group. Invalid, with errno, if there is none.
  [[nodiscard]] UniqueFd entrance() const noexcept;

  // SIGKILL to all its processes at once, those below it and those just being forked included. False: the kernel can't
  // (before Linux 5.14).
  bool kill() const noexcept;
  // Removes it and the groups below it. False if it still has processes.
  bool remove() const noexcept;

 private:
  std::string path_;
};

}  // namespace preforkd
