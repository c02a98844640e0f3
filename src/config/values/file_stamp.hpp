// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace preforkd {

// The identity of a file at a path: another stamp means another file, or the same one with other contents.
struct FileStamp {
  std::string path;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;
  std::int64_t modified = 0;  // nanoseconds since 1970

  bool operator==(const FileStamp&) const = default;
};

// Whether that file is still at its path, unchanged. Async-signal-safe.
[[nodiscard]] bool is_current(const FileStamp& stamp) noexcept;

// The stamps of those `paths` that are regular files, following symbolic links.
[[nodiscard]] std::vector<FileStamp> stamp_files(const std::vector<std::string>& paths);

}  // namespace preforkd
