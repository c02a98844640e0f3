// SPDX-License-Identifier: MIT
#include "wire/stats_page.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace preforkd {
namespace {

constexpr int size_seals = F_SEAL_SHRINK | F_SEAL_GROW;

}  // namespace

StatsMapping::StatsMapping(StatsMapping&& other) noexcept : page_(std::exchange(other.page_, nullptr)) {}

StatsMapping& StatsMapping::operator=(StatsMapping&& other) noexcept {
  std::swap(page_, other.page_);
  return *this;
}

StatsMapping::~StatsMapping() {
  if (page_ != nullptr) ::munmap(page_, stats_page_bytes);
}

Result<StatsMapping> StatsMapping::map(int fd, bool writable) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0) return errno == EINVAL ? Failure("is not a memfd") : os_failure(errno);
  if ((seals & size_seals) != size_seals) return Failure("is not sealed against resizing");
  struct stat status {};
  if (::fstat(fd, &status) != 0) return os_failure(errno);
  if (status.st_size < static_cast<off_t>(stats_page_bytes)) {
    return Failure("has " + std::to_string(status.st_size) + " bytes, fewer than a stats page");
  }
  void* page = ::mmap(nullptr, stats_page_bytes, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) return os_failure(errno, "cannot map: ");
  return StatsMapping(static_cast<StatsPage*>(page));
}

Result<UniqueFd> make_stats_memfd(const char* name) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return os_failure(errno, "cannot make a memfd: ");
  if (::ftruncate(fd.get(), stats_page_bytes) != 0) return os_failure(errno, "cannot size a memfd: ");
  if (::fcntl(fd.get(), F_ADD_SEALS, size_seals | F_SEAL_SEAL) != 0) return os_failure(errno, "cannot seal a memfd: ");
  return fd;
}

}  // namespace preforkd
