// SPDX-License-Identifier: MIT
#include "client/interactive.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "unit/client/line_server.hpp"
#include "unit/client/pipe_reader.hpp"

namespace preforkd::client {
namespace {

using namespace std::chrono_literals;
using ::testing::StartsWith;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

Outcome converse(const std::string& address, std::string text) {
  const PipeWriter input(std::move(text));
  PipeReader output;
  CaptureStderr();
  const int status = run_interactive({address, 5s}, input.read_end(), output.write_end());
  return {status, output.finish(), GetCapturedStderr()};
}

TEST(InteractiveTest, prints_the_rest_of_the_replies_after_the_end_of_the_input) {
  const LineServer server(serve_echo);
  const Outcome outcome = converse(server.address(), "a\nb\n");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.output, "received: a\nreceived: b\n");
  EXPECT_EQ(outcome.error, "");
}

TEST(InteractiveTest, ends_at_once_when_there_is_no_input) {
  const LineServer server(serve_echo);
  EXPECT_EQ(converse(server.address(), "").status, 0);
}

TEST(InteractiveTest, a_last_line_needs_no_newline) {
  const LineServer server(serve_echo);
  const Outcome outcome = converse(server.address(), "a\nno newline");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.output, "received: a\nreceived: no newline\n");
}

TEST(InteractiveTest, passes_more_than_every_buffer_holds) {
  const LineServer server(serve_echo);
  std::string input;
  std::string expected;
  for (int number = 0; number < 4000; ++number) {
    const std::string line = std::to_string(number) + std::string(4000, 'x') + "\n";
    input += line;
    expected += "received: " + line;
  }
  const Outcome outcome = converse(server.address(), input);
  EXPECT_EQ(outcome.status, 0);
  EXPECT_TRUE(outcome.output == expected);
}

TEST(InteractiveTest, ends_when_the_server_has_answered_everything_and_closes) {
  const LineServer server(serve_echo);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd input(ends[0]);
  const UniqueFd terminal(ends[1]);  // stays open, as a terminal does
  ASSERT_EQ(write(terminal.get(), "quit\n", 5), 5);
  PipeReader output;
  EXPECT_EQ(run_interactive({server.address(), 5s}, input.get(), output.write_end()), 0);
  EXPECT_EQ(output.finish(), "received: quit\n");
}

TEST(InteractiveTest, says_how_many_lines_were_not_answered) {
  const LineServer server([](int socket, unsigned) {
    std::string rest;
    std::string line;
    receive_line(socket, rest, line);
    while (std::count(rest.begin(), rest.end(), '\n') < 2) {
      char byte = 0;
      if (recv(socket, &byte, 1, 0) == 1) rest += byte;
    }
    send_all(socket, "received: " + line + "\n");
  });
  const Outcome outcome = converse(server.address(), "a\nb\nc\n");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.output, "received: a\n");
  EXPECT_EQ(outcome.error, "closed by the server: " + server.address() + ": 2 lines unanswered\n");
}

TEST(InteractiveTest, says_that_the_connection_was_lost) {
  const LineServer server([](int socket, unsigned) {
    std::string rest;
    std::string line;
    receive_line(socket, rest, line);
    reset_connection(socket);
  });
  const Outcome outcome = converse(server.address(), "a\n");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.error, "connection lost: " + server.address() + ": Connection reset by peer (ECONNRESET)\n");
}

TEST(InteractiveTest, says_that_replies_could_not_be_printed) {
  const LineServer server(serve_echo);
  const UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  int input[2];
  ASSERT_EQ(pipe2(input, O_CLOEXEC), 0);
  const UniqueFd read_end(input[0]);
  const UniqueFd write_end(input[1]);
  ASSERT_EQ(write(write_end.get(), "a\n", 2), 2);
  CaptureStderr();
  EXPECT_EQ(run_interactive({server.address(), 5s}, read_end.get(), full.get()), 1);
  EXPECT_EQ(GetCapturedStderr(), "standard output: No space left on device (ENOSPC)\n");
}

TEST(InteractiveTest, says_connect_failed) {
  const std::string address = unused_address();
  const Outcome outcome = converse(address, "a\n");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.error, StartsWith("connect failed: " + address));
}

}  // namespace
}  // namespace preforkd::client
