// SPDX-License-Identifier: MIT
#include "base/file_identity.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace preforkd {

std::optional<FileIdentity> FileIdentity::of(int fd) noexcept {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return std::nullopt;
  return FileIdentity{status.st_dev, status.st_ino};
}

std::optional<FileIdentity> FileIdentity::at(const char* path, int flags) noexcept {
  struct stat status {};
  if (::fstatat(AT_FDCWD, path, &status, flags) != 0) return std::nullopt;
  return FileIdentity{status.st_dev, status.st_ino};
}

}  // namespace preforkd
