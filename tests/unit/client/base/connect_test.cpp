// SPDX-License-Identifier: MIT
#include "client/base/connect.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/un.h>

#include <cstring>

#include "client/base/clock.hpp"
#include "unit/client/line_server.hpp"

namespace preforkd::client {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::StartsWith;

std::string error_of(const std::string& address, Duration timeout) {
  const auto socket = connect_within(address, timeout);
  return socket ? "connected" : socket.error().text;
}

// A UNIX listener with the shortest queue there is, under an abstract name of this process.
class UnixListener {
 public:
  UnixListener()
      : address_("@prefork-client-test-" + std::to_string(getpid())), socket_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path + 1, address_.data() + 1, address_.size() - 1);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&name), length), 0);
    EXPECT_EQ(listen(socket_.get(), 0), 0);
  }
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  std::string address_;
  UniqueFd socket_;
};

TEST(ConnectTest, gives_a_non_blocking_socket) {
  const LineServer server(serve_echo);
  const UniqueFd socket = connect_within(server.address(), 5s).value();
  EXPECT_NE(fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(socket.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(ConnectTest, connects_to_unix_sockets) {
  const UnixListener listener;
  const UniqueFd socket = connect_within(listener.address(), 5s).value();
  EXPECT_NE(fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(ConnectTest, says_who_refused) {
  const std::string address = unused_address();
  EXPECT_EQ(error_of(address, 5s), "connect failed: " + address + ": Connection refused (ECONNREFUSED)");
  EXPECT_EQ(connect_within(address, 5s).error().number, ECONNREFUSED);
  EXPECT_EQ(error_of("/no/such/socket", 5s), "connect failed: /no/such/socket: No such file or directory (ENOENT)");
}

TEST(ConnectTest, says_what_is_wrong_with_a_name) {
  EXPECT_THAT(error_of("no-such-host.invalid:1", 5s), StartsWith("connect failed: no-such-host.invalid:1: "));
  const auto chosen = choose_address("no-such-host.invalid:1", 5s);
  ASSERT_FALSE(chosen);
  EXPECT_THAT(chosen.error().text, StartsWith("connect failed: no-such-host.invalid:1: "));
}

TEST(ConnectTest, gives_up_on_a_full_queue_after_the_timeout) {
  const UnixListener listener;
  const UniqueFd first = connect_within(listener.address(), 5s).value();
  const nanoseconds began = monotonic_now();
  EXPECT_THAT(error_of(listener.address(), 50ms), EndsWith(": no answer within 50ms"));
  EXPECT_GE(monotonic_now() - began, 50ms);
  EXPECT_LT(monotonic_now() - began, 5s);
}

// A TCP listener with a full queue drops new connections: the client gets no answer.
TEST(ConnectTest, gives_up_on_silence_after_the_timeout) {
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof name;
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&name), length), 0);
  ASSERT_EQ(listen(listener.get(), 0), 0);
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &length), 0);
  const std::string address = "127.0.0.1:" + std::to_string(ntohs(name.sin_port));
  const UniqueFd first = connect_within(address, 5s).value();
  EXPECT_EQ(error_of(address, 50ms), "connect failed: " + address + ": no answer within 50ms");
}

}  // namespace
}  // namespace preforkd::client
