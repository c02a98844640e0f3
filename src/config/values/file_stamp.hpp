// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace preforkd {

// Which file stood at a path: another stamp is another file, or the same one with other contents.
struct FileStamp {
  std::string path;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;
  std::int64_t modified = 0;  // nanoseconds since 1970

  bool operator==(const FileStamp&) const = default;
};

// Whether that file, unchanged, is still at its path. Async-signal-safe.
[[nodiscard]] bool is_current(const FileStamp& stamp) noexcept;

// Of those `paths` that are regular files, symbolic links followed.
[[nodiscard]] std::vector<FileStamp> stamp_files(const std::vector<std::string>& paths);

}  // namespace preforkd
