// SPDX-License-Identifier: MIT
#include "support/notify_receiver.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <sstream>

#include "base/address.hpp"
#include "base/errors.hpp"

namespace preforkd::component {
namespace {

std::map<std::string, std::string> parse_fields(const std::string& text) {
  std::map<std::string, std::string> fields;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos) fields[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return fields;
}

}  // namespace

NotifyReceiver::NotifyReceiver(Keep keep)
    : path_(directory_.file("notify")),
      fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
      keep_(keep) {
  const Address address = *parse_address(path_);
  constexpr int on = 1;
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  if (::bind(fd_.get(), address.get(), address.length) != 0) throw HarnessError("cannot bind: " + errno_text(errno));
}

void NotifyReceiver::fill() const {
  const Address address = *parse_address(path_);
  const UniqueFd sender(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  while (::sendto(sender.get(), "X=1", 3, 0, address.get(), address.length) == 3) continue;
  if (errno != EAGAIN) throw HarnessError("cannot fill the notify socket: " + errno_text(errno));
}

NotifyReceiver::Message NotifyReceiver::take() {
  std::array<char, 8192> bytes{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(16 * sizeof(int))> control{};
  iovec part{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC);
  if (size < 0) throw HarnessError("recvmsg failed: " + errno_text(errno));
  Message message;
  for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
    if (each->cmsg_level != SOL_SOCKET) continue;
    if (each->cmsg_type == SCM_CREDENTIALS) {
      ucred sender{};
      std::memcpy(&sender, CMSG_DATA(each), sizeof sender);
      message.sender = sender.pid;
    } else if (each->cmsg_type == SCM_RIGHTS) {
      // BARRIER=1 only requires that those not to be stored are closed.
      const std::size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(each) + i * sizeof fd, sizeof fd);
        message.stored.push_back(std::make_shared<const UniqueFd>(fd));
      }
    }
  }
  message.fields = parse_fields(std::string(bytes.data(), static_cast<std::size_t>(size)));
  if (!message.fields.contains("FDSTORE")) message.stored.clear();
  if (keep_ == Keep::all) seen_.push_back(message);
  return message;
}

NotifyReceiver::Message NotifyReceiver::receive(const Deadline& deadline) {
  if (!wait_ready(fd_.get(), POLLIN, deadline)) throw HarnessError("no notify message came in time");
  return take();
}

NotifyReceiver::Message NotifyReceiver::wait_for(const std::string& field, const std::string& value,
                                                 const Deadline& deadline) {
  for (;;) {
    if (!wait_ready(fd_.get(), POLLIN, deadline))
      throw HarnessError("no notify message with " + field + "=" + value + " came in time");
    const Message message = take();
    const auto found = message.fields.find(field);
    if (found != message.fields.end() && (value.empty() || found->second == value)) return message;
  }
}

std::vector<NotifyReceiver::Message> NotifyReceiver::receive_all() {
  std::vector<Message> all;
  while (wait_ready(fd_.get(), POLLIN, std::chrono::milliseconds(0))) all.push_back(take());
  return all;
}

bool NotifyReceiver::never_saw(const std::string& field) {
  static_cast<void>(receive_all());
  for (const Message& message : seen_) {
    if (message.fields.contains(field)) return false;
  }
  return true;
}

}  // namespace preforkd::component
