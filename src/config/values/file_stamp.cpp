// SPDX-License-Identifier: MIT
#include "config/values/file_stamp.hpp"

#include <sys/stat.h>

namespace preforkd {

namespace {

std::int64_t nanoseconds(const timespec& time) noexcept { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

}  // namespace

bool is_current(const FileStamp& stamp) noexcept {
  struct stat status {};
  return stat(stamp.path.c_str(), &status) == 0 && status.st_dev == stamp.device && status.st_ino == stamp.inode &&
         static_cast<std::uint64_t>(status.st_size) == stamp.bytes && nanoseconds(status.st_mtim) == stamp.modified;
}

std::vector<FileStamp> stamp_files(const std::vector<std::string>& paths) {
  std::vector<FileStamp> stamps;
  for (const std::string& path : paths) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    stamps.push_back(
        {path, status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size), nanoseconds(status.st_mtim)});
  }
  return stamps;
}

}  // namespace preforkd
