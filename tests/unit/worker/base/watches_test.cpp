// SPDX-License-Identifier: MIT
#include "worker/base/watches.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <system_error>
#include <vector>

#include "base/unique_fd.hpp"

namespace prefork::internal {
namespace {

using preforkd::UniqueFd;

struct Sockets {
  Sockets() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    ours.reset(ends[0]);
    theirs.reset(ends[1]);
  }
  UniqueFd ours;
  UniqueFd theirs;
};

struct WatchesTest : testing::Test {
  // Closes `fd`, and gives its number to a socket that can be written.
  void reuse(UniqueFd& fd) {
    const int number = fd.get();
    fd.reset();
    ASSERT_EQ(::fcntl(next.ours.get(), F_DUPFD_CLOEXEC, number), number);
    fd.reset(number);
  }

  EventLoop loop;
  ErrorPolicy errors;
  Watches watches{loop, errors};
  Sockets next;
  int calls = 0;
};

struct Client final : EventSource {
  void on_events(std::uint32_t) override { ++calls; }
  int calls = 0;
};

TEST_F(WatchesTest, the_end_of_a_watch_costs_no_client_that_has_its_number_meanwhile) {
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const std::uint64_t id = watches.add(event.get(), EPOLLIN, [&](std::uint32_t) { ++calls; });
  reuse(event);
  Client client;
  ASSERT_EQ(loop.add(event.get(), EPOLLOUT, client), 0);
  watches.remove(id);
  loop.turn(0);
  EXPECT_EQ(client.calls, 1);
  loop.remove(event.get(), client);
}

TEST_F(WatchesTest, the_end_of_a_watch_costs_no_newer_watch_of_its_number) {
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const std::uint64_t old = watches.add(event.get(), EPOLLIN, [&](std::uint32_t) { ++calls; });
  const int number = event.get();
  event.reset();
  event.reset(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  ASSERT_EQ(event.get(), number);
  int newer_calls = 0;
  const std::uint64_t newer = watches.add(number, EPOLLIN, [&](std::uint32_t) { ++newer_calls; });
  watches.remove(old);
  loop.turn(0);
  EXPECT_EQ(newer_calls, 1);
  watches.remove(newer);
  loop.turn(0);
  EXPECT_EQ(newer_calls, 1);
  EXPECT_EQ(calls, 0);
}

TEST_F(WatchesTest, waits_for_other_events) {
  const std::uint64_t id = watches.add(next.ours.get(), EPOLLIN, [&](std::uint32_t events) {
    ++calls;
    EXPECT_EQ(events, std::uint32_t{EPOLLOUT});
  });
  loop.turn(0);
  EXPECT_EQ(calls, 0);
  watches.change(id, EPOLLOUT);
  loop.turn(0);
  EXPECT_EQ(calls, 1);
  watches.change(id, 0);
  loop.turn(0);
  EXPECT_EQ(calls, 1);
  watches.remove(id);
  watches.change(id, EPOLLOUT);
}

TEST_F(WatchesTest, an_event_that_is_no_longer_wanted_is_left_out_in_the_same_turn) {
  Sockets others;
  std::vector<std::uint64_t> ids;
  const auto callback = [&](std::uint32_t) {
    ++calls;
    for (const std::uint64_t id : ids) watches.change(id, EPOLLIN);
  };
  ids.push_back(watches.add(next.ours.get(), EPOLLOUT, callback));
  ids.push_back(watches.add(others.ours.get(), EPOLLOUT, callback));
  loop.turn(0);
  EXPECT_EQ(loop.ready(), 2U);
  EXPECT_EQ(calls, 1);
}

TEST_F(WatchesTest, does_not_change_what_another_has_registered) {
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const std::uint64_t id = watches.add(event.get(), EPOLLIN, [&](std::uint32_t) { ++calls; });
  reuse(event);
  Client client;
  ASSERT_EQ(loop.add(event.get(), EPOLLOUT, client), 0);
  EXPECT_THROW(watches.change(id, EPOLLOUT), std::system_error);
  loop.turn(0);
  EXPECT_EQ(client.calls, 1);
  EXPECT_EQ(calls, 0);
  loop.remove(event.get(), client);
}

TEST_F(WatchesTest, a_refused_descriptor_leaves_the_watch_that_has_it) {
  const std::uint64_t id = watches.add(next.ours.get(), EPOLLOUT, [&](std::uint32_t) { ++calls; });
  EXPECT_THROW(watches.add(next.ours.get(), EPOLLOUT, [](std::uint32_t) {}), std::system_error);
  loop.turn(0);
  EXPECT_EQ(calls, 1);
  watches.remove(id);
  loop.turn(0);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace prefork::internal
