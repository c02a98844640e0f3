// SPDX-License-Identifier: MIT
#include "base/accept_queue.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cstring>

#include "base/unique_fd.hpp"

namespace preforkd {
namespace {

std::optional<AcceptQueue> tcp_queue(int fd) noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  return AcceptQueue{info.tcpi_unacked, info.tcpi_sacked};  // the meaning of these two for a listening socket
}

// One socket, by its inode: the kernel answers at once with one message.
struct UnixRequest {
  nlmsghdr header{};
  unix_diag_req what{};
};

bool ask(int netlink, ino_t inode) noexcept {
  UnixRequest request;
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.what.sdiag_family = AF_UNIX;
  request.what.udiag_states = ~0U;
  request.what.udiag_ino = static_cast<std::uint32_t>(inode);
  request.what.udiag_show = UDIAG_SHOW_RQLEN;
  request.what.udiag_cookie[0] = request.what.udiag_cookie[1] = ~0U;  // any
  return send(netlink, &request, sizeof request, 0) == static_cast<ssize_t>(sizeof request);
}

std::optional<AcceptQueue> read_answer(const char* bytes, std::size_t size) noexcept {
  nlmsghdr header{};
  const std::size_t fixed = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(unix_diag_msg));
  if (size < fixed) return std::nullopt;
  std::memcpy(&header, bytes, sizeof header);
  if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY || header.nlmsg_len > size) return std::nullopt;
  for (std::size_t at = fixed; at + sizeof(rtattr) <= header.nlmsg_len;) {
    rtattr attribute{};
    std::memcpy(&attribute, bytes + at, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || at + attribute.rta_len > header.nlmsg_len) return std::nullopt;
    if (attribute.rta_type == UNIX_DIAG_RQLEN && attribute.rta_len >= RTA_LENGTH(sizeof(unix_diag_rqlen))) {
      unix_diag_rqlen length{};
      std::memcpy(&length, bytes + at + RTA_LENGTH(0), sizeof length);
      return AcceptQueue{length.udiag_rqueue, length.udiag_wqueue};
    }
    at += RTA_ALIGN(attribute.rta_len);
  }
  return std::nullopt;
}

std::optional<AcceptQueue> unix_queue(int fd) noexcept {
  struct stat status {};
  if (fstat(fd, &status) != 0) return std::nullopt;
  const UniqueFd netlink(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!netlink || !ask(netlink.get(), status.st_ino)) return std::nullopt;
  std::array<char, 4096> answer{};
  const ssize_t size = recv(netlink.get(), answer.data(), answer.size(), MSG_DONTWAIT);
  return size > 0 ? read_answer(answer.data(), static_cast<std::size_t>(size)) : std::nullopt;
}

}  // namespace

std::optional<AcceptQueue> accept_queue(int fd) noexcept {
  int listening = 0;
  int domain = 0;
  socklen_t size = sizeof listening;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0) return std::nullopt;
  size = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return std::nullopt;
  return domain == AF_UNIX ? unix_queue(fd) : tcp_queue(fd);
}

}  // namespace preforkd
