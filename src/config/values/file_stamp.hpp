// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace preforkd {

// Another version means another file, or the same one with other contents.
struct FileVersion {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;
  std::int64_t modified = 0;  // nanoseconds since 1970

  bool operator==(const FileVersion&) const = default;

  // nullopt if no regular file is at the path. Follows symbolic links. Async-signal-safe.
  [[nodiscard]] static std::optional<FileVersion> at(const char* path) noexcept;
};

// What was at a path.
struct FileStamp {
  std::string path;
  FileVersion version;

  bool operator==(const FileStamp&) const = default;
};

// The stamps of those `paths` that are regular files.
[[nodiscard]] std::vector<FileStamp> stamp_files(const std::vector<std::string>& paths);

}  // namespace preforkd
