// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>

namespace preforkd {

// Identifies a file regardless of its names: two equal identities are one file, as long as it exists.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;

  bool operator==(const FileIdentity&) const = default;

  // nullopt if the file cannot be read; errno says why. Both are async-signal-safe. `flags`: as in fstatat(2);
  // AT_SYMLINK_NOFOLLOW means a symbolic link itself.
  [[nodiscard]] static std::optional<FileIdentity> of(int fd) noexcept;
  [[nodiscard]] static std::optional<FileIdentity> at(const char* path, int flags = 0) noexcept;
};

// True if both are known and equal.
[[nodiscard]] inline bool same_file(const std::optional<FileIdentity>& left,
                                    const std::optional<FileIdentity>& right) noexcept {
  return left && left == right;
}

}  // namespace preforkd
