// SPDX-License-Identifier: MIT
// What a client may cost, in virtual time: each limit, its reason, and what it must not hit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "unit/worker/connection/virtual_server.hpp"

namespace prefork::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

void echo(VirtualServer& server) {
  server.handlers.on_message = [](Connection& c, std::string_view message) { c.send(message); };
}

TEST(LimitsInTime, a_client_that_says_nothing_leaves_after_first_message_timeout) {
  VirtualServer server(Limits().first_message_timeout(200ms).idle_timeout(1000ms));
  echo(server);
  const int silent = server.connect();
  server.connect();
  server.say(silent, "hello\n");
  server.pass(190ms);
  EXPECT_THAT(server.closed, IsEmpty());
  server.pass(20ms);
  EXPECT_THAT(server.closed, ElementsAre("first-message-timeout"));
  server.pass(900ms);
  EXPECT_THAT(server.closed, ElementsAre("first-message-timeout", "idle-timeout"));
}

TEST(LimitsInTime, output_does_not_make_a_client_look_alive) {
  VirtualServer server(Limits().first_message_timeout(0ms).idle_timeout(200ms));
  echo(server);
  const int client = server.connect();
  for (int i = 0; i < 100 && server.closed.empty(); ++i) {
    server.connection(client)->send("news");
    server.pass(3ms);
  }
  EXPECT_THAT(server.closed, ElementsAre("idle-timeout"));
}

TEST(LimitsInTime, a_client_that_only_listens_does_not_hold_a_drain_open) {
  VirtualServer server(Limits().first_message_grace(100ms));
  echo(server);
  const int client = server.connect();
  server.pass(500ms);
  server.path.begin_drain(nullptr);
  for (int i = 0; i < 50 && server.closed.empty(); ++i) {
    server.connection(client)->send("news");
    server.pass(10ms);
  }
  EXPECT_THAT(server.closed, ElementsAre("drained"));
}

TEST(LimitsInTime, a_request_that_waits_in_the_kernel_is_not_timed_out) {
  VirtualServer server(Limits().idle_timeout(100ms).message_timeout(100ms));
  std::vector<std::string> seen;
  server.handlers.on_message = [&](Connection& c, std::string_view message) {
    seen.emplace_back(message);
    if (message == "stall") server.streams.pass(700ms);
    c.send(message);
  };
  const int slow = server.connect();
  const int whole = server.connect();
  const int half = server.connect();
  server.say(whole, "first\n");
  server.say(half, "first\nsec");
  server.turn();
  // The worker sees the stalling request alone, and its timers before the others' input.
  server.say(slow, "stall\n");
  server.turn();
  server.say(whole, "second\n");
  server.say(half, "ond\n");
  server.streams.wake();
  server.wheel.advance(server.streams.now());
  server.turn();
  EXPECT_THAT(seen, ElementsAre("first", "first", "stall", "second", "second"));
  EXPECT_NE(server.connection(whole), nullptr);
  EXPECT_NE(server.connection(half), nullptr);
}

TEST(LimitsInTime, a_large_message_may_take_longer_if_it_keeps_coming) {
  VirtualServer server(Limits().message_timeout(1000ms).min_receive_rate(1000));
  echo(server);
  const int steady = server.connect();
  const int slow = server.connect();
  for (int i = 0; i < 40; ++i) {
    server.say(steady, std::string(200, 'x'));  // 2000 bytes a second
    server.say(slow, std::string(50, 'x'));     // 500
    server.pass(100ms);
  }
  EXPECT_THAT(server.closed, ElementsAre("message-timeout"));
  EXPECT_EQ(server.connection(slow), nullptr);
  server.say(steady, "\n");
  server.turn();
  EXPECT_EQ(server.streams.wire(steady).sent.size(), 8001U);
}

TEST(LimitsInTime, a_reader_must_take_min_send_rate) {
  VirtualServer server(Limits().write_timeout(1000ms).min_send_rate(100).idle_timeout(0ms));
  echo(server);
  const int good = server.connect();
  const int slow = server.connect();
  for (const int client : {good, slow}) {
    server.streams.wire(client).room = 0;
    server.say(client, std::string(60'000, 'x') + "\n");
  }
  for (int i = 0; i < 50; ++i) {
    server.streams.wire(good).room = 20;  // 200 bytes a second
    server.streams.wire(slow).room = i % 10 == 0 ? 10 : 0;
    server.pass(100ms);
    if (i < 5) {
      EXPECT_THAT(server.closed, IsEmpty());
    }
  }
  EXPECT_THAT(server.closed, ElementsAre("write-timeout"));
  EXPECT_EQ(server.connection(slow), nullptr);
}

TEST(LimitsInTime, a_reader_has_its_time_though_the_callback_that_wrote_took_longer) {
  VirtualServer server(Limits().write_timeout(1000ms).idle_timeout(0ms).first_message_timeout(0ms));
  const int asks = server.connect();
  const int listens = server.connect();
  server.handlers.on_message = [&](Connection& c, std::string_view line) {
    server.streams.pass(5000ms);
    c.send(line);
    server.connection(listens)->send(line);
  };
  server.streams.wire(asks).room = server.streams.wire(listens).room = 0;
  server.say(asks, "work\n");
  server.turn();
  server.pass(900ms);
  EXPECT_THAT(server.closed, IsEmpty());
  server.pass(200ms);
  EXPECT_THAT(server.closed, ElementsAre("write-timeout", "write-timeout"));
}

TEST(LimitsInTime, the_largest_rate_and_time_of_a_reader_are_not_cut) {
  const std::chrono::milliseconds half_a_year(std::int64_t{1} << 34U);
  VirtualServer server(Limits().write_timeout(half_a_year).min_send_rate(std::size_t{1} << 30U));
  echo(server);
  const int client = server.connect();
  server.streams.wire(client).room = 0;
  server.say(client, "hello\n");
  server.turn();
  server.streams.wire(client).room = 1;
  server.turn();
  server.streams.pass(half_a_year + 1ms);
  server.turn();
  server.pass(2ms);
  EXPECT_THAT(server.closed, ElementsAre("write-timeout"));
}

TEST(LimitsInTime, a_reply_that_never_comes_ends_with_a_reason) {
  VirtualServer server(Limits().reply_timeout(300ms).idle_timeout(100ms));
  std::vector<Reply> owed;
  server.handlers.on_message = [&](Connection& c, std::string_view message) {
    if (message == "later") owed.push_back(c.defer());
  };
  const int client = server.connect();
  server.say(client, "later\n");
  server.pass(250ms);
  EXPECT_THAT(server.closed, IsEmpty());
  server.pass(100ms);
  EXPECT_THAT(server.closed, ElementsAre("reply-timeout"));
  owed[0].send("too late");
}

TEST(LimitsInTime, the_end_of_a_client_that_waits_for_its_reply_is_told_once) {
  VirtualServer server;
  std::vector<Reply> owed;
  int told = 0;
  server.handlers.on_message = [&](Connection& c, std::string_view) { owed.push_back(c.defer()); };
  server.handlers.on_half_close = [&](Connection& c) {
    EXPECT_TRUE(c.half_closed());
    ++told;
  };
  const int client = server.connect();
  server.say(client, "one\ntwo\n");
  server.turn();
  EXPECT_FALSE(server.connection(client)->half_closed());
  server.streams.wire(client).end_arrived = true;
  server.pass(5ms);
  EXPECT_EQ(told, 1);
  owed[0].send("answer");
  server.pass(5ms);
  owed[1].send("another");
  server.pass(5ms);
  EXPECT_EQ(server.streams.wire(client).sent, "answer\nanother\n");
  EXPECT_THAT(server.closed, ElementsAre("peer-closed"));
}

TEST(LimitsInTime, a_client_without_a_reply_to_wait_for_is_not_told_of_before_it_has_one) {
  VirtualServer server;
  std::vector<Reply> owed;
  std::vector<std::string> seen;
  server.handlers.on_message = [&](Connection& c, std::string_view message) {
    if (message == "last") owed.push_back(c.defer());
    seen.emplace_back(message);
  };
  server.handlers.on_half_close = [&](Connection&) { seen.emplace_back("half-close"); };
  const int client = server.connect();
  std::string more_than_a_turn;
  for (int i = 0; i < 300; ++i) more_than_a_turn += "x\n";
  server.say(client, more_than_a_turn + "last\n");
  server.streams.wire(client).end_arrived = true;
  server.pass(200ms);
  ASSERT_EQ(seen.size(), 302U);
  EXPECT_EQ(seen[seen.size() - 2], "last");
  EXPECT_EQ(seen.back(), "half-close");
  owed.clear();
  server.pass(5ms);
  EXPECT_THAT(server.closed, ElementsAre("peer-closed"));
}

TEST(LimitsInTime, a_time_that_is_over_does_not_wake_the_worker_while_output_waits) {
  VirtualServer server(Limits().reply_timeout(100ms).write_timeout(0ms).first_message_grace(100ms));
  std::vector<Reply> owed;
  server.handlers.on_connect = [](Connection& c) { c.send("welcome"); };
  server.handlers.on_message = [&](Connection& c, std::string_view) { owed.push_back(c.defer()); };
  for (const char* const said : {"", "a request\n"}) {
    const int client = server.streams.connect();
    server.path.admit(preforkd::UniqueFd(), server.peer, server.entrance());
    server.say(client, said);
  }
  server.turn();
  server.path.begin_drain(nullptr);
  server.pass(200ms);
  const std::uint64_t before = server.wheel.filings();
  server.pass(200ms);
  EXPECT_LT(server.wheel.filings() - before, 5U);
  EXPECT_THAT(server.closed, IsEmpty());
  for (const int client : {0, 1}) server.streams.wire(client).room = SIZE_MAX;
  server.pass(5ms);
  EXPECT_THAT(server.closed, testing::UnorderedElementsAre("drained", "reply-timeout"));
}

TEST(FramingInTime, what_has_come_is_split_in_the_new_way_at_once) {
  VirtualServer server;
  std::vector<std::string> seen;
  server.handlers.on_message = [&](Connection&, std::string_view message) { seen.emplace_back(message); };
  server.handlers.on_close = [](Connection& c, CloseReason) { c.framing(Framing::raw()); };
  const int client = server.connect();
  server.say(client, "one;tw");
  server.turn();
  server.connection(client)->framing(Framing::delimiter(";"));
  server.turn();
  EXPECT_THAT(seen, ElementsAre("one"));
  server.say(client, "o;half");
  server.turn();
  EXPECT_THAT(seen, ElementsAre("one", "two"));
  server.connection(client)->close();
  server.turn();
  EXPECT_FALSE(server.path.has_work());
  EXPECT_TRUE(server.path.empty());
}

TEST(LimitsOfMemory, a_feed_to_a_reader_that_stands_still_ends_at_max_output) {
  VirtualServer server(Limits().output_high_mark(1000).max_output(10'000).write_timeout(0ms));
  echo(server);
  const int client = server.connect();
  server.streams.wire(client).room = 0;
  std::size_t worst = 0;
  for (int i = 0; i < 1000 && server.closed.empty(); ++i) {
    server.connection(client)->send(std::string(100, 'x'));
    worst = std::max(worst, server.connection(client)->unsent());
    server.pass(1ms);
  }
  EXPECT_THAT(server.closed, ElementsAre("output-limit"));
  EXPECT_LT(worst, 10'300U);
}

TEST(LimitsOfMemory, one_message_may_be_larger_than_max_output) {
  VirtualServer server(Limits().max_output(1000).max_message(100'000));
  echo(server);
  const int client = server.connect();
  server.streams.wire(client).room = 0;
  server.say(client, std::string(50'000, 'x') + "\n");
  server.turn();
  EXPECT_EQ(server.connection(client)->unsent(), 50'001U);
  server.streams.wire(client).room = SIZE_MAX;
  server.turn();
  EXPECT_EQ(server.streams.wire(client).sent.size(), 50'001U);
  EXPECT_THAT(server.closed, IsEmpty());
}

TEST(LimitsOfMemory, a_sender_can_adapt_to_its_reader) {
  VirtualServer server(Limits().output_high_mark(1000));
  const std::string chunk(100, 'x');
  std::size_t left = 500;
  const auto stream = [&](Connection& c) {
    for (; left > 0 && c.writable(); --left) c.send(chunk);
    EXPECT_LT(c.unsent(), 1300U);
  };
  server.handlers.on_message = [&](Connection& c, std::string_view) { stream(c); };
  server.handlers.on_writable = stream;
  const int client = server.connect();
  server.streams.wire(client).room = 0;
  server.say(client, "start\n");
  for (int i = 0; i < 10'000 && server.streams.wire(client).sent.size() < 50'500; ++i) {
    server.streams.wire(client).room = 70;
    server.pass(1ms);
  }
  EXPECT_EQ(server.streams.wire(client).sent.size(), 50'500U);
}

TEST(LimitsOfMemory, unfinished_messages_of_all_clients_are_bounded_and_small_ones_go_on) {
  VirtualServer server(Limits().max_message(1'000'000).max_input_memory(100'000));
  echo(server);
  const int small = server.connect();
  server.say(small, "sm");
  const int first = server.connect();
  const int second = server.connect();
  server.say(first, std::string(60'000, 'x'));
  server.turn();
  server.say(second, std::string(60'000, 'x'));
  server.turn();
  EXPECT_THAT(server.closed, ElementsAre("input-limit"));
  EXPECT_EQ(server.connection(second), nullptr);
  server.say(small, "all\n");
  server.say(first, "\n");
  server.turn();
  EXPECT_EQ(server.streams.wire(small).sent, "small\n");
  EXPECT_EQ(server.streams.wire(first).sent.size(), 60'001U);
  // What was given back counts no more.
  const int third = server.connect();
  server.say(third, std::string(90'000, 'x'));
  server.turn();
  server.turn();
  EXPECT_THAT(server.closed, ElementsAre("input-limit"));
}

TEST(Drain, idle_connections_leave_over_the_whole_spread_and_are_served_until_then) {
  VirtualServer server(Limits().drain_spread(1000ms));
  echo(server);
  std::vector<int> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(server.connect());
    server.say(clients.back(), "hello\n");
  }
  server.turn();
  server.path.begin_drain(nullptr);
  std::size_t most_at_once = 0;
  for (int i = 0; i < 10; ++i) {
    const std::size_t before = server.closed.size();
    server.pass(100ms);
    most_at_once = std::max(most_at_once, server.closed.size() - before);
    for (const int client : clients) {
      if (server.connection(client) == nullptr) continue;
      const std::size_t sent = server.streams.wire(client).sent.size();
      server.say(client, "again\n");
      server.turn();
      EXPECT_EQ(server.streams.wire(client).sent.size(), sent + 6);
      break;
    }
  }
  server.pass(10ms);
  EXPECT_EQ(server.closed.size(), 100U);
  EXPECT_LT(most_at_once, 30U);
}

TEST(Drain, the_longest_spread_is_not_cut) {
  VirtualServer server(Limits().drain_spread(std::chrono::milliseconds(std::int64_t{1} << 32U)));
  for (int i = 0; i < 10; ++i) server.say(server.connect(), "hello\n");
  server.turn();
  server.path.begin_drain(nullptr);
  server.pass(100ms);
  EXPECT_THAT(server.closed, IsEmpty());
}

sockaddr_storage ipv6(std::uint16_t subnet, std::uint8_t host) {
  sockaddr_storage storage{};
  auto* const address = reinterpret_cast<sockaddr_in6*>(&storage);
  address->sin6_family = AF_INET6;
  address->sin6_addr.s6_addr[0] = 0x20;
  address->sin6_addr.s6_addr[6] = static_cast<std::uint8_t>(subnet >> 8U);
  address->sin6_addr.s6_addr[7] = static_cast<std::uint8_t>(subnet);
  address->sin6_addr.s6_addr[15] = host;
  return storage;
}

TEST(LimitsPerPeer, count_an_ipv4_address_and_an_ipv6_64_as_one) {
  VirtualServer server(Limits().max_connections_per_peer(2));
  echo(server);
  const auto admitted = [&] { return server.connection(server.connect()) != nullptr; };
  EXPECT_TRUE(admitted());
  EXPECT_TRUE(admitted());
  EXPECT_FALSE(admitted());
  server.peer = ipv6(1, 1);
  EXPECT_TRUE(admitted());
  server.peer = ipv6(1, 2);
  EXPECT_TRUE(admitted());
  server.peer = ipv6(1, 3);
  EXPECT_FALSE(admitted());
  server.peer = ipv6(2, 3);
  EXPECT_TRUE(admitted());
  EXPECT_EQ(server.stats.connections_refused.load(), 2U);
}

TEST(LimitsPerPeer, are_those_of_the_worker_for_all_its_services) {
  const internal::ServiceSetup other_setup{"other", {},   Framing::lines(), Limits().max_connections_per_peer(1000),
                                           {},      false};
  internal::ActiveService other(other_setup, other_setup.limits.impl().values);
  const internal::Entrance other_entrance{other, "other", true};
  VirtualServer server(Limits().max_connections_per_peer(2));
  const auto admitted = [&](const internal::Entrance& entrance) {
    const int client = server.streams.connect();
    server.path.admit(preforkd::UniqueFd(), server.peer, entrance);
    return server.connection(client) != nullptr;
  };
  EXPECT_TRUE(admitted(other_entrance));
  EXPECT_TRUE(admitted(server.entrance()));
  EXPECT_FALSE(admitted(server.entrance()));
  EXPECT_FALSE(admitted(other_entrance));
  server.connection(0)->close();
  server.turn();
  EXPECT_TRUE(admitted(other_entrance));
}

TEST(LimitsPerPeer, a_connection_that_ends_makes_room) {
  VirtualServer server(Limits().max_connections_per_peer(1));
  echo(server);
  const int first = server.connect();
  EXPECT_EQ(server.connection(server.connect()), nullptr);
  server.connection(first)->close();
  server.turn();
  EXPECT_NE(server.connection(server.connect()), nullptr);
}

TEST(LimitsPerPeer, new_connections_are_limited_by_the_second) {
  VirtualServer server(Limits().max_connection_rate_per_peer(10));
  echo(server);
  const auto admitted = [&](int count) {
    int good = 0;
    for (int i = 0; i < count; ++i) good += server.connection(server.connect()) != nullptr ? 1 : 0;
    return good;
  };
  EXPECT_EQ(admitted(50), 10);
  server.pass(500ms);
  EXPECT_EQ(admitted(50), 5);
  server.pass(5000ms);
  EXPECT_EQ(admitted(50), 10);
}

TEST(PeerLimiter, remembers_only_addresses_that_are_or_were_just_there) {
  internal::PeerLimiter limiter;
  internal::LimitValues limits;
  limits.max_connection_rate_per_peer = 5;
  auto now = std::chrono::steady_clock::now();
  for (unsigned i = 0; i < 60'000; ++i) {
    internal::PeerAddress peer;
    peer.assign(ipv6(static_cast<std::uint16_t>(i), 1));
    EXPECT_EQ(limiter.enter(peer, limits, now), internal::PeerLimiter::Verdict::admitted);
    limiter.leave(peer, limits);
    now += 10ms;
  }
  EXPECT_LT(limiter.size(), 2000U);
}

// The client cannot gain time by being moved.
TEST(Limits, a_message_that_began_in_another_worker_has_the_rest_of_its_time) {
  VirtualServer server(Limits().message_timeout(1000ms));
  server.handlers.on_adopt = [](Connection&, std::string_view, unsigned) {};
  internal::Luggage luggage;
  luggage.peer.assign(server.peer);
  luggage.input = "half";
  luggage.input_since = server.streams.now() - 900ms;
  server.streams.connect();
  ASSERT_NE(server.path.adopt(preforkd::UniqueFd(), server.entrance(), luggage, [] { return true; }), 0U);
  server.pass(50ms);
  EXPECT_THAT(server.closed, IsEmpty());
  server.pass(100ms);
  EXPECT_THAT(server.closed, ElementsAre("message-timeout"));
}

}  // namespace
}  // namespace prefork::test
