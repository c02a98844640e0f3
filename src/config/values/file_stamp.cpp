// SPDX-License-Identifier: MIT
#include "config/values/file_stamp.hpp"

#include <sys/stat.h>

namespace preforkd {

std::vector<FileStamp> stamp_files(const std::vector<std::string>& paths) {
  constexpr std::int64_t second = 1'000'000'000;
  std::vector<FileStamp> stamps;
  for (const std::string& path : paths) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    stamps.push_back({path, status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
                      status.st_mtim.tv_sec * second + status.st_mtim.tv_nsec});
  }
  return stamps;
}

}  // namespace preforkd
