// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>

#include "base/address.hpp"
#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"
#include "unit/temp_folder.hpp"

namespace preforkd {

// A fake systemd at the NOTIFY_SOCKET of this process.
class FakeSystemd {
 public:
  FakeSystemd() {
    setenv("NOTIFY_SOCKET", folder_.path("notify").c_str(), 1);
    start_again();
  }
  FakeSystemd(const FakeSystemd&) = delete;
  FakeSystemd& operator=(const FakeSystemd&) = delete;
  ~FakeSystemd() { unsetenv("NOTIFY_SOCKET"); }

  // Binds a new socket to the same path.
  void start_again() {
    unlink(folder_.path("notify").c_str());
    fd_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    EXPECT_EQ(bind(fd_.get(), address_.get(), address_.length), 0);
  }

  // Fills the queue with messages "x".
  void fill() const {
    const UniqueFd sender(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    while (sendto(sender.get(), "x", 1, 0, address_.get(), address_.length) == 1) continue;
    EXPECT_EQ(errno, EAGAIN);
  }

  // The next message, or "" if there is none.
  [[nodiscard]] std::string heard() const {
    std::array<char, 4096> bytes{};
    const ssize_t size = recv(fd_.get(), bytes.data(), bytes.size(), 0);
    return size > 0 ? std::string(bytes.data(), static_cast<std::size_t>(size)) : "";
  }

  // Runs the loop until a message arrives that is not one of fill()'s.
  [[nodiscard]] std::string heard_by(EventLoop& loop) const {
    const Instant deadline = SteadyClock().now() + std::chrono::seconds(10);
    std::string message;
    while ((message.empty() || message == "x") && SteadyClock().now() < deadline) {
      loop.run_once(std::chrono::milliseconds(10));
      message = heard();
    }
    return message;
  }

 private:
  TempFolder folder_;
  Address address_ = parse_address(folder_.path("notify")).value();
  UniqueFd fd_;
};

}  // namespace preforkd
