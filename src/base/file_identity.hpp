// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>

namespace preforkd {

// Which file it is, whatever its names: two that are equal are one file, as long as it exists.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;

  bool operator==(const FileIdentity&) const = default;

  // None if the file can't be looked at; errno says why. Both are async-signal-safe. `flags`: as those of fstatat(2);
  // AT_SYMLINK_NOFOLLOW means a symbolic link itself.
  [[nodiscard]] static std::optional<FileIdentity> of(int fd) noexcept;
  [[nodiscard]] static std::optional<FileIdentity> at(const char* path, int flags = 0) noexcept;
};

// True if both are known and the same.
[[nodiscard]] inline bool same_file(const std::optional<FileIdentity>& left,
                                    const std::optional<FileIdentity>& right) noexcept {
  return left && left == right;
}

}  // namespace preforkd
