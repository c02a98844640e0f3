// SPDX-License-Identifier: MIT
#include "master/process/worker_parts.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <utility>

namespace preforkd {
namespace {

// -1: not a socket.
int socket_option(int fd, int option) noexcept {
  int value = -1;
  socklen_t size = sizeof(value);
  return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

// Null: none of them.
UniqueFd* place_of(int fd, WorkerDescriptors& sorted) noexcept {
  struct stat file {};
  if (fstat(fd, &file) != 0) return nullptr;
  if (S_ISREG(file.st_mode)) return &sorted.stats;
  if (!S_ISSOCK(file.st_mode) || socket_option(fd, SO_DOMAIN) != AF_UNIX) return nullptr;
  switch (socket_option(fd, SO_TYPE)) {
    case SOCK_SEQPACKET:
      return &sorted.control;
    case SOCK_DGRAM:
      return &sorted.notify;
    default:
      return nullptr;
  }
}

}  // namespace

std::optional<WorkerDescriptors> sort_descriptors(std::vector<UniqueFd> descriptors) {
  WorkerDescriptors sorted;
  for (UniqueFd& each : descriptors) {
    UniqueFd* const place = place_of(each.get(), sorted);
    if (place == nullptr || *place || fcntl(each.get(), F_SETFD, FD_CLOEXEC) != 0) return std::nullopt;
    *place = std::move(each);
  }
  if (!sorted.notify || !sorted.stats) return std::nullopt;
  return sorted;
}

}  // namespace preforkd
