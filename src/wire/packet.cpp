// SPDX-License-Identifier: MIT
#include "wire/packet.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace preforkd {
namespace {

constexpr std::size_t max_parts = 8;
constexpr std::size_t max_received_fds = 8;  // more are closed by the kernel

bool peer_closed(int socket) noexcept {
  pollfd poll_fd{socket, POLLRDHUP, 0};
  return ::poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & (POLLHUP | POLLRDHUP | POLLERR | POLLNVAL)) != 0;
}

void take_descriptors(msghdr& message, UniqueFd& first) noexcept {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      UniqueFd received(fd);
      if (!first) first = std::move(received);
    }
  }
}

PacketReceived receive(int socket, std::span<char> buffer, Packet& packet, int flags) noexcept {
  packet = {};
  iovec vector{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(max_received_fds * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t size = 0;
  // ECONNRESET comes once, before the packets, if the peer has closed its end without reading everything.
  do size = ::recvmsg(socket, &message, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (size < 0 && (errno == EINTR || errno == ECONNRESET));
  if (size < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? PacketReceived::nothing : PacketReceived::ended;
  take_descriptors(message, packet.fd);
  if (size == 0 && !packet.fd && peer_closed(socket)) return PacketReceived::ended;
  if ((message.msg_flags & MSG_TRUNC) == 0) packet.bytes = {buffer.data(), static_cast<std::size_t>(size)};
  return PacketReceived::packet;
}

}  // namespace

PacketSent send_packet(int socket, std::initializer_list<std::string_view> parts, int fd) noexcept {
  std::array<iovec, max_parts> vectors{};
  std::size_t count = 0;
  for (const std::string_view part : parts) {
    if (count == vectors.size()) return PacketSent::broken;
    vectors[count++] = {const_cast<char*>(part.data()), part.size()};
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fd)> control{};
  if (fd >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  ssize_t sent = 0;
  do sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (sent < 0 && errno == EINTR);
  if (sent >= 0) return PacketSent::sent;
  // ETOOMANYREFS: too many descriptors of this user are on their way. ENOBUFS, ENOMEM: the kernel's memory.
  const bool passes =
      errno == EAGAIN || errno == EWOULDBLOCK || errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM;
  return passes ? PacketSent::full : PacketSent::broken;
}

PacketReceived receive_packet(int socket, std::span<char> buffer, Packet& packet) noexcept {
  return receive(socket, buffer, packet, 0);
}

PacketReceived peek_packet(int socket, std::span<char> buffer, Packet& packet) noexcept {
  return receive(socket, buffer, packet, MSG_PEEK);
}

}  // namespace preforkd
