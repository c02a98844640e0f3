// SPDX-License-Identifier: MIT
#include "client/one_shot.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/client/line_server.hpp"
#include "unit/client/pipe_reader.hpp"

namespace preforkd::client {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

Outcome talk(const std::string& address, const std::string& message, Duration reply_timeout = 10s) {
  PipeReader output;
  CaptureStderr();
  const int status = run_one_shot({address, message, 5s, reply_timeout}, output.write_end());
  return {status, output.finish(), GetCapturedStderr()};
}

TEST(OneShotTest, prints_the_reply) {
  const LineServer server(serve_echo);
  const Outcome outcome = talk(server.address(), "hello world");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.output, "received: hello world\n");
  EXPECT_EQ(outcome.error, "");
}

TEST(OneShotTest, sends_an_empty_line) {
  const LineServer server(serve_echo);
  EXPECT_EQ(talk(server.address(), "").output, "received: \n");
}

TEST(OneShotTest, prints_nothing_after_the_replys_line) {
  const LineServer server([](int socket, unsigned) { send_all(socket, "one\ntwo\n"); });
  EXPECT_EQ(talk(server.address(), "x").output, "one\n");
}

// The server replies byte by byte and stops reading while it can't send: a client that sends everything first would
// wait for ever.
TEST(OneShotTest, passes_a_message_larger_than_every_socket_buffer) {
  const LineServer server([](int socket, unsigned) {
    send_all(socket, "received: ");
    char buffer[65536];
    for (ssize_t size = 0; (size = recv(socket, buffer, sizeof buffer, 0)) > 0;) {
      if (!send_all(socket, {buffer, static_cast<std::size_t>(size)})) return;
    }
  });
  const std::string message(std::size_t{16} << 20, 'x');
  EXPECT_TRUE(talk(server.address(), message).output == "received: " + message + "\n");
}

TEST(OneShotTest, says_connect_failed) {
  const std::string address = unused_address();
  const Outcome outcome = talk(address, "x");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.output, "");
  EXPECT_EQ(outcome.error, "connect failed: " + address + ": Connection refused (ECONNREFUSED)\n");
}

TEST(OneShotTest, says_that_the_server_closed_without_a_reply) {
  const LineServer server([](int socket, unsigned) {
    std::string rest;
    std::string line;
    receive_line(socket, rest, line);
    send_all(socket, "recei");
  });
  const Outcome outcome = talk(server.address(), "x");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.error, "no reply: " + server.address() + ": closed by the server\n");
}

TEST(OneShotTest, says_that_the_connection_was_reset) {
  const LineServer server([](int socket, unsigned) {
    std::string rest;
    std::string line;
    receive_line(socket, rest, line);
    reset_connection(socket);
  });
  EXPECT_THAT(talk(server.address(), "x").error, EndsWith(": Connection reset by peer (ECONNRESET)\n"));
}

TEST(OneShotTest, says_that_the_reply_could_not_be_printed) {
  const LineServer server(serve_echo);
  const UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  CaptureStderr();
  EXPECT_EQ(run_one_shot({server.address(), "x", 5s, 10s}, full.get()), 1);
  EXPECT_EQ(GetCapturedStderr(), "standard output: No space left on device (ENOSPC)\n");
}

TEST(OneShotTest, waits_no_longer_than_the_reply_timeout) {
  const LineServer server([](int socket, unsigned) {
    std::string rest;
    std::string line;
    while (receive_line(socket, rest, line)) continue;
  });
  const Outcome outcome = talk(server.address(), "x", 30ms);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.error, "no reply: " + server.address() + ": nothing within 30ms\n");
}

}  // namespace
}  // namespace preforkd::client
