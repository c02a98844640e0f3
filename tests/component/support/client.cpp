// SPDX-License-Identifier: MIT
#include "support/client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/address.hpp"
#include "base/errors.hpp"
#include "base/escape.hpp"

namespace preforkd::component {
namespace {

using Kind = ClientError::Kind;

Address address_of(const std::string& text) {
  const Result<Address> address = parse_address(text);
  if (!address) throw HarnessError(text + ": " + address.error().text);
  return *address;
}

UniqueFd make_socket(const Address& address) {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw HarnessError("socket failed: " + errno_text(errno));
  return fd;
}

// The errno of connecting; 0 on success.
int connect_by(int fd, const Address& address, const Deadline& deadline) {
  if (::connect(fd, address.get(), address.length) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!wait_ready(fd, POLLOUT, deadline)) return ETIMEDOUT;
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

}  // namespace

Client::Client(const std::string& address, const Options& options) {
  const Address target = address_of(address);
  fd_ = make_socket(target);
  if (options.receive_buffer) {
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &*options.receive_buffer, sizeof *options.receive_buffer);
  }
  if (const int error = connect_by(fd_.get(), target, options.deadline); error != 0) {
    throw ClientError(Kind::no_connection, "cannot connect to " + address + ": " + errno_text(error));
  }
}

std::size_t Client::send_some(std::string_view bytes) {
  const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN) return 0;
  throw ClientError(Kind::reset, "send failed: " + errno_text(errno));
}

void Client::send(std::string_view bytes, const Deadline& deadline) {
  while (!bytes.empty()) {
    bytes.remove_prefix(send_some(bytes));
    if (!bytes.empty() && !wait_ready(fd_.get(), POLLOUT, deadline)) {
      throw ClientError(Kind::timed_out, "the server does not read");
    }
  }
}

void Client::shutdown_write() { ::shutdown(fd_.get(), SHUT_WR); }

Client::Read Client::read_some(const Deadline& deadline) {
  if (!wait_ready(fd_.get(), POLLIN, deadline)) {
    throw ClientError(Kind::timed_out, "the server sent no more in time; so far: " + escape_bytes(buffer_));
  }
  std::array<char, 65536> bytes;
  const ssize_t size = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (size == 0) return Read::end;
  if (size < 0) return errno == EAGAIN ? Read::some : Read::failed;
  buffer_.append(bytes.data(), static_cast<std::size_t>(size));
  return Read::some;
}

ClientError Client::ended(Read how, const std::string& text) {
  return {how == Read::end ? Kind::closed : Kind::reset, text};
}

std::string Client::read_line(const Deadline& deadline) {
  std::size_t end = buffer_.find('\n');
  while (end == std::string::npos) {
    const std::size_t seen = buffer_.size();
    const Read read = read_some(deadline);
    if (read != Read::some) throw ended(read, "the connection ended before a line; so far: " + escape_bytes(buffer_));
    end = buffer_.find('\n', seen);
  }
  const std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return line;
}

std::string Client::read_exactly(std::size_t size, const Deadline& deadline) {
  while (buffer_.size() < size) {
    const Read read = read_some(deadline);
    if (read != Read::some)
      throw ended(read, "the connection ended after " + std::to_string(buffer_.size()) + " bytes");
  }
  const std::string bytes = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return bytes;
}

std::string Client::read_to_end(const Deadline& deadline) {
  for (;;) {
    switch (read_some(deadline)) {
      case Read::some:
        continue;
      case Read::end:
        return std::exchange(buffer_, {});
      case Read::failed:
        throw ClientError(Kind::reset,
                          "the connection failed: " + errno_text(errno) + "; so far: " + escape_bytes(buffer_));
    }
  }
}

bool Client::wait_closed(const Deadline& deadline) {
  while (wait_ready(fd_.get(), POLLIN, deadline)) {
    if (read_some(deadline) != Read::some) return true;
    buffer_.clear();
  }
  return false;
}

std::string Client::ask(std::string_view line, const Deadline& deadline) {
  send(std::string(line) + "\n", deadline);
  return read_line(deadline);
}

void Client::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  fd_.reset();
}

bool can_connect(const std::string& address) {
  const Address target = address_of(address);
  const UniqueFd fd = make_socket(target);
  return connect_by(fd.get(), target, {}) == 0;
}

}  // namespace preforkd::component
