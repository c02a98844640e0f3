// SPDX-License-Identifier: MIT
#include "base/bound_path.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file_identity.hpp"

namespace preforkd {
namespace {

constexpr unsigned long file_of_socket = SIOCPROTOPRIVATE;  // SIOCUNIXFILE of <linux/un.h>, which excludes <sys/un.h>

}  // namespace

Result<BoundPath> BoundPath::of_bound(int fd, const std::string& path) {
  UniqueFd file(::ioctl(fd, file_of_socket));
  if (file) return BoundPath(path, std::move(file));
  Result<BoundPath> found = at(path);
  if (!found) return found;
  struct stat status {};
  if (::fstat(found->file(), &status) != 0) return os_failure(errno);
  if (status.st_uid != ::geteuid()) return Failure("the path belongs to another user");
  return found;
}

Result<BoundPath> BoundPath::at(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return os_failure(errno);
  if (!S_ISSOCK(status.st_mode)) return Failure("the path exists and is not a socket");
  return BoundPath(path, std::move(file));
}

bool BoundPath::stands_at(const std::string& path) const noexcept {
  return file_ && same_file(FileIdentity::of(file_.get()), FileIdentity::at(path.c_str(), AT_SYMLINK_NOFOLLOW));
}

void BoundPath::remove() noexcept {
  if (stands()) ::unlink(path_.c_str());
  file_.reset();
}

bool is_bound_beside(std::string_view name, std::string_view path) noexcept {
  return name.starts_with(path) && name.substr(path.size()).starts_with('.') &&
         name.find_first_not_of("0123456789-", path.size() + 1) == std::string_view::npos;
}

}  // namespace preforkd
