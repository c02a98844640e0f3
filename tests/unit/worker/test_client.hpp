// SPDX-License-Identifier: MIT
#pragma once

#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "base/address.hpp"
#include "base/unique_fd.hpp"

namespace prefork::test {

inline constexpr std::chrono::seconds patience{20};  // a deadline that only a broken test reaches

// The remaining milliseconds, for poll(2).
inline int left_until(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
}

// Waits until `fd` is ready. False after `patience`.
inline bool wait_for(int fd, short events, std::chrono::milliseconds time = patience) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  pollfd entry{fd, events, 0};
  for (;;) {
    const int ready = ::poll(&entry, 1, left_until(deadline));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

// A client of the server under test. Every wait has a deadline; a missed one throws.
class TestClient {
 public:
  explicit TestClient(const std::string& address) {
    const auto parsed = preforkd::parse_address(address);
    if (!parsed) throw std::runtime_error(address + ": " + parsed.error().text);
    fd_.reset(::socket(parsed->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd_.get(), parsed->get(), parsed->length) != 0) throw std::runtime_error("connect " + address);
  }

  [[nodiscard]] int fd() const { return fd_.get(); }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      if (!wait_for(fd_.get(), POLLOUT)) throw std::runtime_error("send: time is up");
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN) throw std::runtime_error("send: errno " + std::to_string(errno));
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  // The next line without its '\n'; at end-of-file the rest, followed by "<eof>" or "<reset>".
  std::string line() {
    for (;;) {
      if (const auto end = received_.find('\n'); end != std::string::npos) {
        std::string result = received_.substr(0, end);
        received_.erase(0, end + 1);
        return result;
      }
      if (const char* const why = more()) return std::exchange(received_, {}) + why;
    }
  }

  // Everything up to the end of the connection, followed by "<eof>" or "<reset>".
  std::string rest() {
    for (;;) {
      if (const char* const why = more()) return std::exchange(received_, {}) + why;
    }
  }

  // Exactly `size` bytes.
  std::string bytes(std::size_t size) {
    while (received_.size() < size) {
      if (const char* const why = more()) return std::exchange(received_, {}) + why;
    }
    std::string result = received_.substr(0, size);
    received_.erase(0, size);
    return result;
  }

  // Nothing has arrived so far.
  [[nodiscard]] bool silent() const {
    return received_.empty() && !wait_for(fd_.get(), POLLIN, std::chrono::milliseconds(0));
  }

  void half_close() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fd_.reset();
  }

  // The number of TCP segments with data received from the peer.
  [[nodiscard]] unsigned data_segments_received() const {
    tcp_info info{};
    socklen_t length = sizeof info;
    ::getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &info, &length);
    return info.tcpi_data_segs_in;
  }

 private:
  const char* more() {
    if (!wait_for(fd_.get(), POLLIN))
      throw std::runtime_error("receive: time is up, have \"" + received_.substr(0, 200) + "\"");
    char buffer[65536];
    const ssize_t got = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got == 0) return "<eof>";
    if (got < 0) return errno == EAGAIN || errno == EINTR ? nullptr : "<reset>";
    received_.append(buffer, static_cast<std::size_t>(got));
    return nullptr;
  }

  preforkd::UniqueFd fd_;
  std::string received_;
};

}  // namespace prefork::test
