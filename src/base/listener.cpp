// SPDX-License-Identifier: MIT
#include "base/listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/address_holder.hpp"
#include "base/address_overlap.hpp"

namespace preforkd {
namespace {

bool set_option(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// [::], unless it is only for IPv6, and [::ffff:127.0.0.1], which the kernel binds for IPv4 only.
bool takes_ipv4(const Endpoint& endpoint, const ListenOptions& options) {
  return endpoint.is_ipv4() || (endpoint.is_any() && !options.ipv6_only);
}

Result<UniqueFd> new_socket(int family, int flags = 0) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd) return os_failure(errno);
  return fd;
}

bool set_inet_options(int fd, const Address& address, const ListenOptions& options) {
  if (!set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return false;
  return address.family() != AF_INET6 ||
         set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, takes_ipv4(endpoint_of(address), options) ? 0 : 1);
}

Failure not_bound(int error, const Address& address, const std::string& what = {}) {
  const std::string holder = error == EADDRINUSE ? describe_holder(address) : "";
  return Failure({what + errno_text(error) + (holder.empty() ? "" : ": " + holder), error});
}

// The file at `path`, if no process listens on it any more.
Result<BoundPath> stale_socket(const Address& address) {
  Result<BoundPath> found = BoundPath::at(address.unix_name());
  if (!found) return found;
  const Result<UniqueFd> probe = new_socket(AF_UNIX, SOCK_NONBLOCK);
  if (!probe) return Failure(probe.error());
  if (::connect(probe->get(), address.get(), address.length) == 0 || errno == EAGAIN) {
    return not_bound(EADDRINUSE, address, "another process listens there: ");
  }
  if (errno != ECONNREFUSED && errno != ENOENT) return os_failure(errno);
  return found;
}

constexpr int tries = 100;  // if names are taken, or paths appear and vanish meanwhile

// The `number`th name next to `path`: "/run/x.sock.4711-0", or its end if that is too long for a socket.
Address name_beside(const std::string& path, int number) {
  constexpr std::size_t limit = sizeof(sockaddr_un::sun_path) - 1;
  const std::size_t folder = path.rfind('/') + 1;
  std::string name = path.substr(folder) + '.' + std::to_string(::getpid()) + '-' + std::to_string(number);
  if (folder + name.size() > limit) name.erase(0, folder + name.size() - limit);
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  (path.substr(0, folder) + name).copy(un.sun_path, limit);
  Address address;
  address.length = sizeof un;
  std::memcpy(&address.storage, &un, sizeof un);
  return address;
}

Result<BoundPath> bind_beside(int fd, const std::string& path) {
  for (int number = 0; number < tries; ++number) {
    const Address name = name_beside(path, number);
    if (path == name.unix_name()) continue;
    if (::bind(fd, name.get(), name.length) == 0) return BoundPath::of_bound(fd, name.unix_name());
    if (errno != EADDRINUSE) return os_failure(errno);
  }
  return os_failure(EADDRINUSE);
}

bool exchange(const std::string& left, const std::string& right) {
  if (::renameat2(AT_FDCWD, left.c_str(), AT_FDCWD, right.c_str(), RENAME_EXCHANGE) == 0) return true;
  // A file system that cannot exchange names (NFS, 9p) can still replace one.
  return errno == EINVAL && ::rename(left.c_str(), right.c_str()) == 0;
}

// Moves the file that bind_beside made to `address`.
Result<void> move_to(const Address& address, BoundPath& made) {
  const std::string path = address.unix_name();
  const std::string beside = made.path();
  for (int i = 0; i < tries; ++i) {
    if (::link(beside.c_str(), path.c_str()) == 0) {
      ::unlink(beside.c_str());
      made.moved_to(path);
      return {};
    }
    if (errno != EEXIST) return os_failure(errno);
    const Result<BoundPath> stale = stale_socket(address);
    struct stat gone {};
    if (!stale && ::lstat(path.c_str(), &gone) != 0) continue;
    if (!stale) return Failure(stale.error());
    if (!exchange(beside, path)) {
      if (errno == ENOENT) continue;
      return os_failure(errno);
    }
    // A fresh socket may have been put there meanwhile: it is moved back.
    if (::lstat(beside.c_str(), &gone) == 0 && !stale->stands_at(beside)) {
      exchange(beside, path);
      continue;
    }
    ::unlink(beside.c_str());
    made.moved_to(path);
    return {};
  }
  return os_failure(EADDRINUSE);
}

// Through the descriptor, so that a link which the folder's owner puts there is not followed. fchmodat2 (Linux 6.6) is
// for systems without /proc.
bool set_mode(int file, mode_t mode) {
  constexpr long fchmodat2 = 452;
  const std::string by_proc = "/proc/self/fd/" + std::to_string(file);
  return ::chmod(by_proc.c_str(), mode) == 0 ||
         (errno == ENOENT && ::syscall(fchmodat2, file, "", mode, AT_EMPTY_PATH) == 0);
}

// Called before listen(2), so that no client connects under the rights that the umask gave.
Result<void> set_rights(int file, const ListenOptions& options) {
  constexpr auto unchanged = static_cast<uid_t>(-1);
  const uid_t user = options.unix_user.value_or(unchanged);
  const gid_t group = options.unix_group.value_or(unchanged);
  if ((options.unix_user || options.unix_group) && ::fchownat(file, "", user, group, AT_EMPTY_PATH) != 0) {
    return os_failure(errno, "cannot set its owner: ");
  }
  if (!set_mode(file, options.unix_mode.value_or(default_unix_mode))) {
    return os_failure(errno, "cannot set its mode: ");
  }
  return {};
}

Result<BoundPath> listen_at_path(int fd, const Address& address, const ListenOptions& options) {
  Result<BoundPath> made = bind_beside(fd, address.unix_name());
  if (!made) return made;
  Result<void> done = change_listener(fd, *made, options);
  if (done) done = move_to(address, *made);
  if (done) return made;
  made->remove();
  return Failure(done.error());
}

Result<int> int_option(int fd, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, name, &value, &length) != 0) return os_failure(errno);
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
      return "is not a socket";
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

Result<Listener> open_listener(const Address& address, const ListenOptions& options) {
  Result<UniqueFd> fd = new_socket(address.family());
  if (!fd) return Failure(fd.error());
  if (address.is_unix_path()) {
    Result<BoundPath> path = listen_at_path(fd->get(), address, options);
    if (!path) return Failure(path.error());
    return Listener{std::move(*fd), std::move(*path)};
  }
  if (address.family() != AF_UNIX && !set_inet_options(fd->get(), address, options)) return os_failure(errno);
  if (::bind(fd->get(), address.get(), address.length) != 0) return not_bound(errno, address);
  if (::listen(fd->get(), options.backlog) != 0)
    return not_bound(errno, address);  // another socket listens there since bind
  return Listener{std::move(*fd), {}};
}

Result<void> try_to_bind(const Address& address, bool ipv6_only) {
  ListenOptions options;
  options.ipv6_only = ipv6_only;
  const UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || (address.family() != AF_UNIX && !set_inet_options(fd.get(), address, options)) ||
      ::bind(fd.get(), address.get(), address.length) != 0) {
    return os_failure(errno);
  }
  return {};
}

Result<void> change_listener(int fd, const BoundPath& path, const ListenOptions& options) {
  if (path) {
    if (Result<void> set = set_rights(path.file(), options); !set) return set;
  }
  if (::listen(fd, options.backlog) != 0) return os_failure(errno);
  return {};
}

void end_listener(int fd) noexcept {
  ::shutdown(fd, SHUT_RDWR);
  int domain = 0;
  socklen_t length = sizeof domain;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain != AF_UNIX) return;
  // TCP has reset the clients in the queue. This cannot block: a UNIX socket that was shut down stays so.
  while (UniqueFd(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC))) {
  }
}

Result<void> revive_listener(int fd, const Address& address, int backlog) {
  if (address.family() == AF_UNIX) return Failure("a UNIX socket cannot listen again");
  // A port that the kernel had chosen is free again; one from the config still belongs to the socket (EINVAL).
  if (::bind(fd, address.get(), address.length) != 0 && errno != EINVAL) return os_failure(errno);
  if (::listen(fd, backlog) != 0) return os_failure(errno);
  return {};
}

bool is_shut_down(int fd) noexcept {
  pollfd entry{fd, POLLRDHUP,
               0};  // POLLHUP is always reported; a UNIX socket that was shut down only for reading shows POLLRDHUP
  return ::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLHUP | POLLRDHUP)) != 0;
}

Result<Address> check_listener(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return os_failure(errno);
  if (!S_ISSOCK(status.st_mode)) return Failure(kind_of_file(status.st_mode));
  const Result<int> domain = int_option(fd, SO_DOMAIN);
  const Result<int> type = int_option(fd, SO_TYPE);
  const Result<int> listens = int_option(fd, SO_ACCEPTCONN);
  for (const Result<int>* const option : {&domain, &type, &listens}) {
    if (!*option) return Failure(option->error());
  }
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
