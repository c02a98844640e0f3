// SPDX-License-Identifier: MIT
#include "base/listener.hpp"

#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace preforkd {
namespace {

constexpr mode_t default_unix_mode = 0666;

Failure last_error() { return Failure(errno_text(errno)); }

bool set_option(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

const char* unix_path(const Address& address) { return reinterpret_cast<const sockaddr_un*>(address.get())->sun_path; }

bool is_any_ipv6(const Address& address) {
  return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_addr);
}

Result<UniqueFd> new_socket(int family, int flags = 0) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd) return last_error();
  return fd;
}

bool set_inet_options(int fd, const Address& address) {
  if (!set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return false;
  return address.family() != AF_INET6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, is_any_ipv6(address) ? 0 : 1);
}

// Removes the socket at `address` if nobody listens on it any more. Success means that bind(2) is worth another try.
Result<void> remove_stale_socket(const Address& address) {
  struct stat status {};
  if (::lstat(unix_path(address), &status) != 0) {
    if (errno == ENOENT) return {};  // its owner removed it in this moment
    return last_error();
  }
  if (!S_ISSOCK(status.st_mode)) return Failure("the path exists and is no socket");
  const Result<UniqueFd> probe = new_socket(AF_UNIX, SOCK_NONBLOCK);
  if (!probe) return Failure(probe.error());
  if (::connect(probe->get(), address.get(), address.length) == 0 || errno == EAGAIN) {
    return Failure("another process listens there: " + errno_text(EADDRINUSE));
  }
  if (errno != ECONNREFUSED && errno != ENOENT) return last_error();
  if (::unlink(unix_path(address)) != 0 && errno != ENOENT) return last_error();
  return {};
}

Result<void> bind_to(int fd, const Address& address) {
  if (::bind(fd, address.get(), address.length) == 0) return {};
  if (errno != EADDRINUSE || !address.is_unix_path()) return last_error();
  if (Result<void> removed = remove_stale_socket(address); !removed) return removed;
  if (::bind(fd, address.get(), address.length) != 0) return last_error();
  return {};
}

// Comes before listen(2), so nobody gets in under the rights that the umask happened to give.
Result<void> set_rights(const char* path, const ListenOptions& options) {
  constexpr auto unchanged = static_cast<uid_t>(-1);
  const uid_t user = options.unix_user.value_or(unchanged);
  const gid_t group = options.unix_group.value_or(unchanged);
  if ((options.unix_user || options.unix_group) && ::lchown(path, user, group) != 0) {
    return Failure("cannot set its owner: " + errno_text(errno));
  }
  if (::chmod(path, options.unix_mode.value_or(default_unix_mode)) != 0) {
    return Failure("cannot set its mode: " + errno_text(errno));
  }
  return {};
}

Result<int> int_option(int fd, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, name, &value, &length) != 0) return last_error();
  return value;
}

const char* kind_of_file(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "is a regular file, not a socket";
    case S_IFDIR:
      return "is a directory, not a socket";
    case S_IFIFO:
      return "is a pipe, not a socket";
    case S_IFCHR:
      return "is a character device, not a socket";
    case S_IFBLK:
      return "is a block device, not a socket";
    default:
      return "is no socket";
  }
}

Failure not_a_stream(int type) {
  switch (type) {
    case SOCK_DGRAM:
      return Failure("is a datagram socket, not a stream socket");
    case SOCK_SEQPACKET:
      return Failure("is a sequential packet socket, not a stream socket");
    case SOCK_RAW:
      return Failure("is a raw socket, not a stream socket");
    default:
      return Failure("is a socket of type " + std::to_string(type) + ", not a stream socket");
  }
}

}  // namespace

Result<UniqueFd> open_listener(const Address& address, const ListenOptions& options) {
  Result<UniqueFd> fd = new_socket(address.family());
  if (!fd) return fd;
  if (address.family() != AF_UNIX && !set_inet_options(fd->get(), address)) return last_error();
  if (const Result<void> bound = bind_to(fd->get(), address); !bound) return Failure(bound.error());
  if (const Result<void> listening = change_listener(fd->get(), address, options); !listening) {
    if (address.is_unix_path()) ::unlink(unix_path(address));
    return Failure(listening.error());
  }
  return fd;
}

Result<void> change_listener(int fd, const Address& address, const ListenOptions& options) {
  if (address.is_unix_path()) {
    if (Result<void> set = set_rights(unix_path(address), options); !set) return set;
  }
  if (::listen(fd, options.backlog) != 0) return last_error();
  return {};
}

Result<void> revive_listener(int fd, const Address& address, int backlog) {
  if (address.family() == AF_UNIX) return Failure("a UNIX socket cannot listen again");
  // A port that the kernel had chosen went back to it; one that was asked for is still the socket's (EINVAL).
  if (::bind(fd, address.get(), address.length) != 0 && errno != EINVAL) return last_error();
  if (::listen(fd, backlog) != 0) return last_error();
  return {};
}

Result<Address> check_listener(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return last_error();
  if (!S_ISSOCK(status.st_mode)) return Failure(kind_of_file(status.st_mode));
  const Result<int> domain = int_option(fd, SO_DOMAIN);
  const Result<int> type = int_option(fd, SO_TYPE);
  const Result<int> listens = int_option(fd, SO_ACCEPTCONN);
  if (!domain || !type || !listens) return last_error();
  if (*domain != AF_INET && *domain != AF_INET6 && *domain != AF_UNIX) {
    return Failure("is a socket of family " + std::to_string(*domain) + ", not IPv4, IPv6 or UNIX");
  }
  if (*type != SOCK_STREAM) return not_a_stream(*type);
  if (*listens != 0) return local_address(fd);
  if (const Result<Address> peer = peer_address(fd))
    return Failure("is connected to " + format_address(*peer) + ", it does not listen");
  return Failure("does not listen");
}

}  // namespace preforkd
