// SPDX-License-Identifier: MIT
// How bytes come and go through real sockets.
#include "worker/io/epoll_streams.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <functional>
#include <string>

namespace prefork::internal {
namespace {

constexpr int patience_ms = 20'000;

using Pair = std::array<preforkd::UniqueFd, 2>;  // the server's end and the client's

Pair tcp_pair() {
  const preforkd::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  preforkd::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  return {preforkd::UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)),
          std::move(client)};
}

Pair unix_pair() {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  EXPECT_EQ(::fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
  return {preforkd::UniqueFd(ends[0]), preforkd::UniqueFd(ends[1])};
}

struct Recorder final : Session {
  std::span<char> input_room() noexcept override { return room; }
  void on_input(std::span<char> bytes) override {
    input.append(bytes.data(), bytes.size());
    ++reads;
    if (after_input) after_input();
  }
  void on_input_end(int error) override { end = error; }
  void on_peer_end() override { ++peer_ends; }
  void on_output_room() override { ++rooms; }

  std::span<char> room;
  std::string input;
  int reads = 0;
  int end = -1;
  int peer_ends = 0;
  int rooms = 0;
  std::function<void()> after_input;
};

class EpollStreamsTest : public testing::Test {
 protected:
  // Turns until `done`.
  template <class Done>
  void turn_until(Done done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      streams.turn(patience_ms);
    }
  }
  void say(int fd, std::string_view text, int flags = 0) {
    ASSERT_EQ(::send(fd, text.data(), text.size(), flags), static_cast<ssize_t>(text.size()));
  }

  EventLoop loop;
  EpollStreams streams{loop};
};

TEST_F(EpollStreamsTest, bytes_and_the_end_behind_them_arrive_by_one_event) {
  Recorder session;
  Pair pair = tcp_pair();
  say(pair[1].get(), "all of it");
  pair[1].reset();
  ASSERT_TRUE(streams.open(session, std::move(pair[0]), true));
  turn_until([&] { return session.end == 0; });
  EXPECT_EQ(session.input, "all of it");
  streams.close(session);
}

TEST_F(EpollStreamsTest, out_of_band_data_hides_nothing_behind_it) {
  Recorder session;
  Pair pair = tcp_pair();
  say(pair[1].get(), "before");
  say(pair[1].get(), "!", MSG_OOB);
  say(pair[1].get(), "after");
  ASSERT_TRUE(streams.open(session, std::move(pair[0]), true));
  turn_until([&] { return session.input == "beforeafter"; });
  streams.close(session);
}

TEST_F(EpollStreamsTest, out_of_band_data_of_a_unix_socket_does_not_stay_unread) {
  Recorder session;
  Pair pair = unix_pair();
  if (::send(pair[1].get(), "!", 1, MSG_OOB) < 0) GTEST_SKIP() << "this kernel has none for UNIX sockets";
  say(pair[1].get(), "after");
  ASSERT_TRUE(streams.open(session, std::move(pair[0]), false));
  EXPECT_GE(streams.unread(session), 5U);
  turn_until([&] { return session.input == "after"; });
  EXPECT_EQ(streams.unread(session), 0U);
  streams.close(session);
}

TEST_F(EpollStreamsTest, a_passed_descriptor_hides_nothing_behind_it) {
  Recorder session;
  Pair pair = unix_pair();
  char text[] = "with a descriptor";
  iovec data{text, sizeof text - 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = STDERR_FILENO;
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ASSERT_GT(::sendmsg(pair[1].get(), &message, 0), 0);
  say(pair[1].get(), ", and what follows");
  ASSERT_TRUE(streams.open(session, std::move(pair[0]), false));
  turn_until([&] { return session.input == "with a descriptor, and what follows"; });
  streams.close(session);
}

TEST_F(EpollStreamsTest, input_that_is_not_wanted_waits_and_costs_no_turn) {
  Recorder session;
  Pair pair = tcp_pair();
  ASSERT_TRUE(streams.open(session, std::move(pair[0]), true));
  streams.want_input(session, false);
  say(pair[1].get(), "early");
  pollfd input{session.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&input, 1, patience_ms), 1);
  streams.turn(patience_ms);
  streams.turn(0);
  EXPECT_EQ(loop.ready(), 0U);
  EXPECT_EQ(session.input, "");
  streams.want_input(session, true);
  turn_until([&] { return session.input == "early"; });
  streams.close(session);
}

TEST_F(EpollStreamsTest, the_end_of_a_client_is_told_once_while_its_input_is_not_wanted) {
  Recorder session;
  session.after_input = [&] { streams.want_input(session, false); };
  Pair pair = tcp_pair();
  say(pair[1].get(), "a request");
  ASSERT_TRUE(streams.open(session, std::move(pair[0]), true));
  turn_until([&] { return session.reads == 1; });
  EXPECT_EQ(session.peer_ends, 0);
  ASSERT_EQ(::shutdown(pair[1].get(), SHUT_WR), 0);
  turn_until([&] { return session.peer_ends > 0; });
  streams.turn(0);
  EXPECT_EQ(session.peer_ends, 1);
  EXPECT_EQ(session.end, -1);
  streams.want_input(session, true);
  turn_until([&] { return session.end == 0; });
  streams.close(session);
}

TEST_F(EpollStreamsTest, the_end_of_a_client_is_told_if_its_input_is_not_wanted_before_its_next_read) {
  Recorder session;
  std::array<char, 4> room{};
  session.room = room;
  Pair pair = tcp_pair();
  say(pair[1].get(), "more than room");
  ASSERT_TRUE(streams.open(session, std::move(pair[0]), true));
  turn_until([&] { return session.reads == 1; });
  ASSERT_EQ(::shutdown(pair[1].get(), SHUT_WR), 0);
  pollfd end{session.fd(), POLLRDHUP, 0};
  ASSERT_EQ(::poll(&end, 1, patience_ms), 1);
  loop.turn(patience_ms);  // its budget of time leaves read_listed() no read of this session
  streams.want_input(session, false);
  streams.turn(0);
  EXPECT_EQ(session.reads, 1);
  EXPECT_EQ(session.peer_ends, 1);
  streams.close(session);
}

TEST_F(EpollStreamsTest, a_reset_is_told_even_if_input_is_not_wanted) {
  Recorder session;
  Pair pair = tcp_pair();
  ASSERT_TRUE(streams.open(session, std::move(pair[0]), true));
  streams.want_input(session, false);
  const linger reset{1, 0};
  ASSERT_EQ(::setsockopt(pair[1].get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
  pair[1].reset();
  turn_until([&] { return session.end > 0; });
  streams.close(session);
}

TEST_F(EpollStreamsTest, a_client_with_much_to_say_is_read_once_a_turn) {
  Recorder talker;
  Recorder other;
  std::array<char, 100> small;
  talker.room = small;
  Pair first = tcp_pair();
  Pair second = tcp_pair();
  say(first[1].get(), std::string(1000, 'x'));
  ASSERT_TRUE(streams.open(talker, std::move(first[0]), true));
  streams.turn(patience_ms);
  EXPECT_EQ(talker.reads, 1);
  say(second[1].get(), "me, too");
  ASSERT_TRUE(streams.open(other, std::move(second[0]), true));
  turn_until([&] { return other.reads == 1; });
  EXPECT_LE(talker.reads, 3);
  turn_until([&] { return talker.input.size() == 1000; });
  EXPECT_EQ(talker.reads, 10);
  streams.close(talker);
  streams.close(other);
}

TEST_F(EpollStreamsTest, room_for_output_is_told_as_often_as_it_was_missing) {
  Recorder session;
  Pair pair = tcp_pair();
  ASSERT_TRUE(streams.open(session, std::move(pair[0]), true));
  const std::string block(1 << 20, 'x');
  for (int round = 1; round <= 3; ++round) {
    std::size_t taken = 0;
    for (ssize_t sent = 0; (sent = streams.send(session, block)) == static_cast<ssize_t>(block.size());)
      taken += block.size();
    streams.turn(0);
    EXPECT_EQ(session.rooms, round - 1);
    std::string sink(1 << 20, ' ');
    while (::recv(pair[1].get(), sink.data(), sink.size(), MSG_DONTWAIT) > 0) {
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
    while (session.rooms < round) {
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      while (::recv(pair[1].get(), sink.data(), sink.size(), MSG_DONTWAIT) > 0) {
      }
      streams.turn(10);
    }
    EXPECT_GT(taken, 0U);
  }
  streams.close(session);
}

TEST_F(EpollStreamsTest, a_released_descriptor_is_open_and_silent) {
  Recorder session;
  Pair pair = tcp_pair();
  ASSERT_TRUE(streams.open(session, std::move(pair[0]), true));
  const preforkd::UniqueFd fd = streams.release(session);
  say(pair[1].get(), "for the next owner");
  char text[100];
  pollfd input{fd.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&input, 1, patience_ms), 1);
  streams.turn(0);
  EXPECT_EQ(session.reads, 0);
  EXPECT_EQ(::recv(fd.get(), text, sizeof text, 0), 18);
}

TEST_F(EpollStreamsTest, a_client_gets_its_end_of_file_though_a_child_holds_a_copy) {
  Recorder session;
  Pair pair = tcp_pair();
  ASSERT_TRUE(streams.open(session, std::move(pair[0]), true));
  int gate[2];
  ASSERT_EQ(::pipe2(gate, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(gate[1]);
    char byte;
    ::_exit(::read(gate[0], &byte, 1) == 0 ? 0 : 1);  // until the parent closes its end
  }
  streams.close(session);
  pollfd input{pair[1].get(), POLLIN, 0};
  EXPECT_EQ(::poll(&input, 1, patience_ms), 1);
  char byte;
  EXPECT_EQ(::recv(pair[1].get(), &byte, 1, MSG_DONTWAIT), 0);
  ::close(gate[1]);
  ::close(gate[0]);
  ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace prefork::internal
