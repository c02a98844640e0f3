// SPDX-License-Identifier: MIT
#include "master/base/journal_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cstdint>
#include <exception>

#include "base/address.hpp"

namespace preforkd {
namespace {

constexpr std::size_t max_value_bytes = std::size_t{48} * 1024;

}  // namespace

void JournalSocket::add_field(std::string& entry, std::string_view name, std::string_view value) {
  value = value.substr(0, max_value_bytes);
  entry += name;
  if (value.find('\n') == std::string_view::npos) {
    entry += '=';
  } else {
    entry += '\n';
    for (unsigned bits = 0; bits < 64; bits += 8)
      entry += static_cast<char>(std::uint64_t{value.size()} >> bits & 0xFF);
  }
  entry += value;
  entry += '\n';
}

// Not connected: the entry goes to the process that serves the path now.
bool JournalSocket::send(const std::string& entry) noexcept {
  try {
    if (!fd_) fd_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const Result<Address> address = parse_address(path_);
    return fd_ && address &&
           ::sendto(fd_.get(), entry.data(), entry.size(), MSG_DONTWAIT | MSG_NOSIGNAL, address->get(),
                    address->length) >= 0;
  } catch (const std::exception&) {
    return false;
  }
}

UniqueFd open_journal_stream(const std::string& identifier, const std::string& path) noexcept {
  try {
    const Result<Address> address = parse_address(path);
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!address || !fd || ::connect(fd.get(), address->get(), address->length) != 0) return {};
    // Identifier, unit (journald knows it), level, whether lines have prefixes, no forwarding to syslog, kmsg, console.
    const std::string header = identifier + "\n\n6\n1\n0\n0\n0\n";
    const ssize_t sent = ::send(fd.get(), header.data(), header.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(header.size()) || ::fcntl(fd.get(), F_SETFL, 0) != 0) return {};
    ::shutdown(fd.get(), SHUT_RD);
    return fd;
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace preforkd
