// SPDX-License-Identifier: MIT
#include "config/values/file_stamp.hpp"

#include <sys/stat.h>

namespace preforkd {

std::optional<FileVersion> FileVersion::at(const char* path) noexcept {
  struct stat status {};
  if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return FileVersion{status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
                     status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

std::vector<FileStamp> stamp_files(const std::vector<std::string>& paths) {
  std::vector<FileStamp> stamps;
  for (const std::string& path : paths) {
    if (const auto version = FileVersion::at(path.c_str())) stamps.push_back({path, *version});
  }
  return stamps;
}

}  // namespace preforkd
