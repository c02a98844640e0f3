// SPDX-License-Identifier: MIT
#include "echo/echo_service.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

namespace preforkd::echo {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The service in a process of its own, as in a pool: socket and settings come from the environment, the log goes to a
// pipe.
class EchoServiceTest : public ::testing::Test {
 protected:
  enum class LogIs { empty, full };

  void start(const char* settings, LogIs log_is = LogIs::empty) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    ASSERT_EQ(listen(listener_, 16), 0);
    int log[2];
    ASSERT_EQ(pipe2(log, O_CLOEXEC), 0);
    if (log_is == LogIs::full) fill(log[1]);
    child_ = fork();
    ASSERT_GE(child_, 0);
    if (child_ == 0) serve(settings, log[1]);
    close(log[1]);
    log_ = log[0];
  }

  [[noreturn]] void serve(const char* settings, int log) const {
    dup2(log, STDERR_FILENO);
    const int kept = fcntl(listener_, F_DUPFD, 100);
    dup2(kept, 3);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", "1", 1);
    setenv("PREFORK_SETTINGS", settings, 1);
    prefork::Server server;
    serve_echo(server);
    _exit(server.run());
  }

  // Sends `text`, closes the sending side and returns all replies.
  [[nodiscard]] std::string talk(std::string_view text) const {
    sockaddr_in name{};
    socklen_t length = sizeof name;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &length);
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    EXPECT_EQ(setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    EXPECT_EQ(connect(client, reinterpret_cast<sockaddr*>(&name), length), 0);
    EXPECT_EQ(send(client, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    shutdown(client, SHUT_WR);
    const std::string answer = read_all(client);
    close(client);
    return answer;
  }

  // Stops the service and returns its log.
  std::string stop() {
    kill(child_, SIGTERM);
    const std::string log = read_all(log_);
    int status = 0;
    EXPECT_EQ(waitpid(child_, &status, 0), child_);
    EXPECT_EQ(status, 0);
    close(log_);
    close(listener_);
    return log;
  }

  static std::string read_all(int fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t size = 0; (size = read(fd, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(size));
    return text;
  }

  static void fill(int pipe) {
    ASSERT_EQ(fcntl(pipe, F_SETFL, O_NONBLOCK), 0);
    while (write(pipe, "x", 1) == 1) {
    }
    ASSERT_EQ(errno, EAGAIN);
    ASSERT_EQ(fcntl(pipe, F_SETFL, 0), 0);
  }

 private:
  int listener_ = -1;
  int log_ = -1;
  pid_t child_ = -1;
};

TEST_F(EchoServiceTest, answers_each_line_with_what_it_received) {
  start("{}");
  EXPECT_EQ(talk("one\r\ntwo\n\n"), "received: one\nreceived: two\nreceived: \n");
  stop();
}

TEST_F(EchoServiceTest, answers_quit_and_nothing_after_it) {
  start("{}");
  EXPECT_THAT(talk("quit\n"), "received: quit\n");
  EXPECT_THAT(stop(), EndsWith(" closed: closed-by-server\n"));
}

TEST_F(EchoServiceTest, only_the_whole_line_quits) {
  start("{}");
  EXPECT_EQ(talk("quit now\nQUIT\n"), "received: quit now\nreceived: QUIT\n");
  EXPECT_THAT(stop(), EndsWith(" closed: peer-closed\n"));
}

TEST_F(EchoServiceTest, logs_connections_but_no_messages_by_default) {
  start("{}");
  EXPECT_EQ(talk("secret\n"), "received: secret\n");
  const std::string log = stop();
  EXPECT_THAT(log, StartsWith("unit_echo: 127.0.0.1:"));
  EXPECT_THAT(log, HasSubstr(" connected\n"));
  EXPECT_THAT(log, HasSubstr(" closed: peer-closed\n"));
  EXPECT_THAT(log, Not(HasSubstr("secret")));
}

TEST_F(EchoServiceTest, logs_messages_escaped_when_told_to) {
  start(R"({"log_messages": true})");
  EXPECT_EQ(talk("\x1b[2J\n"), "received: \x1b[2J\n");
  EXPECT_THAT(stop(), HasSubstr(" sent \"\\x1b[2J\"\n"));
}

TEST_F(EchoServiceTest, logs_nothing_of_connections_when_told_not_to) {
  start(R"({"log_connections": false})");
  EXPECT_EQ(talk("x\n"), "received: x\n");
  EXPECT_EQ(stop(), "");
}

TEST_F(EchoServiceTest, serves_on_when_nobody_reads_its_log) {
  start(R"({"log_messages": true})", LogIs::full);
  EXPECT_EQ(talk("x\n"), "received: x\n");
  EXPECT_THAT(stop(), Not(HasSubstr("sent")));
}

}  // namespace
}  // namespace preforkd::echo
