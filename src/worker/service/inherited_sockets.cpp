// SPDX-License-Identifier: MIT
#include "worker/service/inherited_sockets.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <utility>

#include "base/errors.hpp"
#include "base/listener.hpp"

namespace prefork::internal {

namespace {

using preforkd::ExitError;
namespace exit_code = preforkd::exit_code;
namespace worker_env = preforkd::worker_env;

// systemd makes a socket blocking when it passes it to another main process, and all its holders share that. Then
// accept must not wait for long if another worker was faster.
void bound_accept(int fd) noexcept {
  constexpr timeval least{.tv_sec = 0, .tv_usec = 1};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &least, sizeof least);
}

bool add_flags(int fd) noexcept {
  bound_accept(fd);
  const int descriptor_flags = ::fcntl(fd, F_GETFD);
  if (descriptor_flags < 0 || ::fcntl(fd, F_SETFD, descriptor_flags | FD_CLOEXEC) != 0) return false;
  const int status_flags = ::fcntl(fd, F_GETFL);
  return status_flags >= 0 && ::fcntl(fd, F_SETFL, status_flags | O_NONBLOCK) == 0;
}

bool is_tcp(int fd) noexcept {
  int protocol = 0;
  socklen_t size = sizeof protocol;
  return ::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_TCP;
}

ListenSocket make_socket(preforkd::UniqueFd fd, const preforkd::Address& address, const std::string& name,
                         preforkd::BoundPath path) {
  const bool tcp = is_tcp(fd.get());
  const int on = 1;
  if (tcp) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // only latency is lost without it
  return {std::move(fd), address, name, tcp, std::move(path)};
}

std::string describe(int fd, const std::string& name) {
  const std::string text = "inherited descriptor " + std::to_string(fd);
  return name.empty() ? text : text + " (" + name + ")";
}

[[noreturn]] void refuse(int fd, const std::string& name, const std::string& reason) {
  std::string text = "cannot serve: " + describe(fd, name) + ": " + reason;
  if (preforkd::peer_address(fd)) text += "; a socket unit with Accept=yes is not supported, use Accept=no";
  throw ExitError(exit_code::unavailable, text);
}

}  // namespace

std::vector<ListenSocket> take_inherited_sockets(const worker_env::Given& given) {
  std::vector<ListenSocket> sockets;
  int fd = worker_env::first_listen_fd;
  for (const std::string& name : given.listen_names) {
    auto address = preforkd::check_listener(fd);
    if (!address) refuse(fd, name, address.error().text);
    if (!add_flags(fd)) refuse(fd, name, preforkd::errno_text(errno));
    sockets.push_back(make_socket(preforkd::UniqueFd(fd), *address, name, {}));
    ++fd;
  }
  return sockets;
}

std::vector<ListenSocket> open_own_sockets(const std::vector<std::string>& addresses, const std::string& name) {
  std::vector<ListenSocket> sockets;
  for (const std::string& text : addresses) {
    const auto address = preforkd::parse_address(text);
    if (!address) throw ExitError(exit_code::usage, "cannot listen: " + text + ": " + address.error().text);
    auto opened = preforkd::open_listener(*address);
    if (!opened) throw ExitError(exit_code::unavailable, "cannot listen: " + text + ": " + opened.error().text);
    if (!add_flags(opened->fd.get())) {
      throw ExitError(exit_code::unavailable, "cannot listen: " + text + ": " + preforkd::errno_text(errno));
    }
    auto bound = opened->path ? address : preforkd::local_address(opened->fd.get());
    sockets.push_back(make_socket(std::move(opened->fd), bound ? *bound : *address, name, std::move(opened->path)));
  }
  return sockets;
}

}  // namespace prefork::internal
