// SPDX-License-Identifier: MIT
#include "master/process/notify_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

namespace preforkd {
namespace {

constexpr std::size_t max_descriptors = 253;  // SCM_MAX_FD of the kernel

[[noreturn]] void throw_errno(int error, const std::string& what) {
  throw std::system_error(error, std::system_category(), what);
}

// nullopt: too long.
std::optional<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return std::nullopt;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

// Whether a socket at this path receives: that of a killed process remains in its folder, closed.
bool is_open(const std::string& path) {
  const std::optional<sockaddr_un> address = address_of(path);
  const UniqueFd sender(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return address && connect(sender.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) == 0;
}

struct Attached {
  ucred sender{};
  std::vector<UniqueFd> descriptors;
};

Attached take_attached(msghdr& header) {
  Attached taken;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET) continue;
    if (part->cmsg_type == SCM_CREDENTIALS) std::memcpy(&taken.sender, CMSG_DATA(part), sizeof(ucred));
    if (part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      taken.descriptors.emplace_back(fd);
    }
  }
  return taken;
}

}  // namespace

NotifySocket::NotifySocket(std::string path) : path_(std::move(path)) {
  const std::string shown = path_.substr(0, path_.rfind('/')) + "/notify.new";
  const std::optional<sockaddr_un> address = address_of(shown);
  if (!address || !address_of(path_)) throw_errno(ENAMETOOLONG, "notify socket " + path_);
  fd_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  constexpr int on = 1;
  // The path takes its mode from the socket's inode, so others cannot connect while its name is visible.
  if (!fd_ || setsockopt(fd_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
      fchmod(fd_.get(), S_IRUSR | S_IWUSR) != 0) {
    throw_errno(errno, "notify socket");
  }
  const auto bind_it = [&] {
    return bind(fd_.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) == 0;
  };
  const bool made = (bind_it() || (errno == EADDRINUSE && unlink(shown.c_str()) == 0 && bind_it())) &&
                    rename(shown.c_str(), path_.c_str()) == 0 && chmod(path_.c_str(), 0666) == 0;
  if (made) file_ = FileIdentity::at(path_.c_str());
  if (!file_) throw_errno(errno, "notify socket " + path_);
}

NotifySocket::NotifySocket(std::string path, UniqueFd bound) : path_(std::move(path)), fd_(std::move(bound)) {
  if (is_open(path_)) file_ = FileIdentity::at(path_.c_str());
}

// If the path now leads to another file, that one is not removed.
NotifySocket::~NotifySocket() {
  if (is_reachable()) unlink(path_.c_str());
}

bool NotifySocket::is_reachable() const noexcept { return same_file(FileIdentity::at(path_.c_str()), file_); }

NotifySocket::Received NotifySocket::receive() {
  std::array<char, max_notify_bytes> bytes;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * max_descriptors)> control;
  iovec part{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t size = recvmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0) return Nothing{};
  Attached attached = take_attached(header);
  if ((header.msg_flags & MSG_TRUNC) != 0)
    return Unusable{"longer than " + std::to_string(max_notify_bytes) + " bytes"};
  if ((header.msg_flags & MSG_CTRUNC) != 0) return Unusable{"contains too many descriptors"};
  Result<NotifyMessage> message = parse_notify_message({bytes.data(), static_cast<std::size_t>(size)});
  if (!message) return Unusable{std::move(message.error().text)};
  return Datagram{std::move(*message), attached.sender, std::move(attached.descriptors)};
}

}  // namespace preforkd
