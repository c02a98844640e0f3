// SPDX-License-Identifier: MIT
#include "master/process/notify_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace preforkd {
namespace {

constexpr std::size_t most_descriptors = 253;  // SCM_MAX_FD of the kernel

[[noreturn]] void throw_errno(int error, const std::string& what) {
  throw std::system_error(error, std::system_category(), what);
}

std::vector<UniqueFd> take_descriptors(msghdr& header) {
  std::vector<UniqueFd> taken;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      taken.emplace_back(fd);
    }
  }
  return taken;
}

}  // namespace

NotifySocket::NotifySocket(std::string path) : path_(std::move(path)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof(address.sun_path)) throw_errno(ENAMETOOLONG, "notify socket " + path_);
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  fd_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd_) throw_errno(errno, "notify socket");
  // The path takes its mode from the socket's inode, so there is no moment at which others could send.
  if (fchmod(fd_.get(), S_IRUSR | S_IWUSR) != 0) throw_errno(errno, "notify socket");
  unlink(path_.c_str());
  if (bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    throw_errno(errno, "notify socket " + path_);
  }
}

NotifySocket::~NotifySocket() { unlink(path_.c_str()); }

NotifySocket::Received NotifySocket::receive() {
  std::array<char, max_notify_bytes> bytes;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * most_descriptors)> control;
  iovec part{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t size = recvmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0) return Nothing{};
  std::vector<UniqueFd> descriptors = take_descriptors(header);
  if ((header.msg_flags & MSG_TRUNC) != 0)
    return Unusable{"longer than " + std::to_string(max_notify_bytes) + " bytes"};
  if ((header.msg_flags & MSG_CTRUNC) != 0) return Unusable{"brought more descriptors than there is room for"};
  Result<NotifyMessage> message = parse_notify_message({bytes.data(), static_cast<std::size_t>(size)});
  if (!message) return Unusable{std::move(message.error())};
  return Datagram{std::move(*message), std::move(descriptors)};
}

}  // namespace preforkd
