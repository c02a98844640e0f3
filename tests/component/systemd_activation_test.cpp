// SPDX-License-Identifier: MIT
// Sockets that another process has opened: systemd, systemd-socket-activate, or the test in their place.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "base/errors.hpp"
#include "base/listener.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;

const std::vector<std::string>& preforkd_arguments() {
  static const std::vector<std::string> arguments{"--name", "test", "--workers",
                                                  "2",      "--",   binaries::worker("does_as_told")};
  return arguments;
}

StartOptions with_sockets(const std::vector<int>& sockets) {
  StartOptions options;
  options.descriptors = sockets;
  options.listen_pid = true;
  options.environment = {{"LISTEN_FDS", std::to_string(sockets.size())}};
  return options;
}

UniqueFd open_tcp() { return open_listener(*parse_address("127.0.0.1:0")).value().fd; }

// The output and exit status of preforkd when it gets this socket.
void expect_refused(const UniqueFd& socket, const std::string& reason) {
  Process process(binaries::preforkd, preforkd_arguments(), with_sockets({socket.get()}));
  EXPECT_EQ(process.wait_exit().status, exit_code::unavailable);
  EXPECT_THAT(process.err().wait_closed(), HasSubstr("LISTEN_FDS: descriptor 3"));
  EXPECT_THAT(process.err().wait_closed(), HasSubstr(reason));
}

TEST(Activation, passed_sockets_are_served_and_none_is_bound) {
  const UniqueFd first = open_tcp();
  const UniqueFd second = open_tcp();
  const Process process(binaries::preforkd, preforkd_arguments(), with_sockets({first.get(), second.get()}));
  process.err().wait_for("2/2 workers ready");
  const std::string address = format_address(*local_address(first.get()));
  EXPECT_THAT(process.err().text(), HasSubstr("listening on " + address + " (passed to us)"));
  EXPECT_THAT(Client(address).ask("hello"), HasSubstr(": hello"));
}

TEST(Activation, a_passed_socket_stays_blocking_or_non_blocking_as_it_came) {
  const UniqueFd blocking = open_tcp();
  const UniqueFd non_blocking = open_tcp();
  ASSERT_EQ(::fcntl(non_blocking.get(), F_SETFL, O_NONBLOCK), 0);
  const Process process(binaries::preforkd, preforkd_arguments(), with_sockets({blocking.get(), non_blocking.get()}));
  process.err().wait_for("2/2 workers ready");
  EXPECT_EQ(::fcntl(blocking.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(non_blocking.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(Activation, a_worker_with_libprefork_makes_its_socket_non_blocking_itself) {
  const UniqueFd socket = open_tcp();
  const Process process(binaries::preforkd, {"--name", "test", "--", binaries::prefork_echo},
                        with_sockets({socket.get()}));
  process.err().wait_for("1/1 workers ready");
  EXPECT_NE(::fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(Activation, sockets_of_another_process_are_not_taken) {
  const UniqueFd socket = open_tcp();
  StartOptions options = with_sockets({socket.get()});
  options.listen_pid = false;
  options.environment.emplace_back("LISTEN_PID", "1");
  Process process(binaries::preforkd, preforkd_arguments(), options);
  EXPECT_EQ(process.wait_exit().status, exit_code::usage);
  EXPECT_THAT(process.err().wait_closed(), HasSubstr("no socket to listen on"));
}

TEST(Activation, what_is_no_listening_stream_socket_is_refused_with_what_it_is) {
  expect_refused(UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), "is a datagram socket");
  expect_refused(UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), "does not listen");
  expect_refused(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)), "is a character device");
  const UniqueFd listener = open_tcp();
  const Client client(format_address(*local_address(listener.get())));
  expect_refused(UniqueFd(::fcntl(client.fd(), F_DUPFD_CLOEXEC, 0)), "is connected to 127.0.0.1:");
}

TEST(Activation, a_bad_one_takes_no_good_one_along) {
  const TempDir folder;
  const Result<Listener> unix_socket = open_listener(*parse_address(folder.file("socket")));
  ASSERT_TRUE(unix_socket) << unix_socket.error().text;
  const UniqueFd tcp = open_tcp();
  const UniqueFd stored = open_tcp();
  const UniqueFd bad(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  StartOptions options = with_sockets({unix_socket->fd.get(), tcp.get(), stored.get(), bad.get()});
  options.environment.emplace_back("LISTEN_FDNAMES", "a:b:preforkd-listener-1:c");
  Process process(binaries::preforkd, preforkd_arguments(), options);
  EXPECT_EQ(process.wait_exit().status, exit_code::unavailable);
  EXPECT_THAT(process.err().wait_closed(), HasSubstr("LISTEN_FDS: descriptor 6 (c): is a datagram socket"));
  EXPECT_NO_THROW(Client{folder.file("socket")});
  for (const UniqueFd* const socket : {&tcp, &stored})
    EXPECT_NO_THROW(Client{format_address(*local_address(socket->get()))});
}

TEST(Activation, a_count_that_cannot_be_is_refused) {
  StartOptions options = with_sockets({});
  options.environment = {{"LISTEN_FDS", "many"}};
  Process process(binaries::preforkd, preforkd_arguments(), options);
  EXPECT_EQ(process.wait_exit().status, exit_code::unavailable);
  EXPECT_THAT(process.err().wait_closed(), HasSubstr("LISTEN_FDS"));
}

class SocketActivate : public testing::Test {
 protected:
  void SetUp() override {
    if (binaries::systemd_socket_activate().empty()) GTEST_SKIP() << "systemd-socket-activate is not installed";
  }
  // Runs `command` with systemd-socket-activate on a UNIX socket; it is executed when the first client connects.
  Process activate(const std::vector<std::string>& options, const std::vector<std::string>& command) const {
    std::vector<std::string> arguments{"--listen=" + path_};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), command.begin(), command.end());
    return Process(binaries::systemd_socket_activate(), arguments);
  }
  static std::vector<std::string> preforkd_command() {
    std::vector<std::string> command{binaries::preforkd};
    command.insert(command.end(), preforkd_arguments().begin(), preforkd_arguments().end());
    return command;
  }

  TempDir folder_;
  std::string path_ = folder_.file("socket");
};

TEST_F(SocketActivate, the_connection_that_started_the_pool_is_served_by_it) {
  const Process process = activate({}, preforkd_command());
  process.err().wait_for("Listening on");
  Client client(path_);
  EXPECT_THAT(client.ask("first"), HasSubstr(": first"));
  process.err().wait_for("(passed to us)");
}

TEST_F(SocketActivate, a_path_that_systemd_made_is_left_at_the_end) {
  Process process = activate({}, preforkd_command());
  process.err().wait_for("Listening on");
  EXPECT_THAT(Client(path_).ask("first"), HasSubstr(": first"));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait_exit().status, 0);
  EXPECT_EQ(::access(path_.c_str(), F_OK), 0);
}

TEST_F(SocketActivate, a_datagram_socket_is_refused) {
  Process process = activate({"--datagram"}, preforkd_command());
  process.err().wait_for("Listening on");
  const UniqueFd sender(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const Address address = *parse_address(path_);
  ASSERT_EQ(::sendto(sender.get(), "x", 1, 0, address.get(), address.length), 1);
  EXPECT_EQ(process.wait_exit().status, exit_code::unavailable);
  EXPECT_THAT(process.err().wait_closed(), HasSubstr("is a datagram socket, not a stream socket"));
}

TEST_F(SocketActivate, the_echo_service_runs_without_a_master) {
  Process process = activate({}, {binaries::prefork_echo});
  process.err().wait_for("Listening on");
  EXPECT_EQ(Client(path_).ask("hello"), "received: hello");
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait_exit().status, 0);
}

}  // namespace
}  // namespace preforkd::component
