// SPDX-License-Identifier: MIT
// What one client may take of a worker's time.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "unit/worker/connection/virtual_server.hpp"

namespace prefork::test {
namespace {

using namespace std::chrono_literals;

std::string many(std::string_view request, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += request;
  return all;
}

TEST(Share, a_client_that_pipelines_delays_another_by_less_than_a_millisecond) {
  VirtualServer server;
  std::vector<internal::Streams::TimePoint> answered;
  server.handlers.on_message = [&](Connection&, std::string_view message) {
    server.streams.pass(10us);
    if (message == "ping") answered.push_back(server.streams.clock());
  };
  const int hog = server.connect();
  const int other = server.connect();
  std::chrono::nanoseconds worst{};
  for (int round = 0; round < 100; ++round) {
    while (server.streams.wire(hog).arrived.size() < 100'000) server.say(hog, many("x\n", 10'000));
    server.turn();
    const auto asked = server.streams.clock();
    server.say(other, "ping\n");
    server.turn();
    ASSERT_EQ(answered.size(), static_cast<std::size_t>(round) + 1);
    if (round > 1) worst = std::max<std::chrono::nanoseconds>(worst, answered.back() - asked);  // it learns first
  }
  EXPECT_LT(worst, 1ms);
}

TEST(Share, what_is_left_of_a_read_is_delivered_in_the_next_turns_and_in_order) {
  VirtualServer server;
  int next = 0;
  server.handlers.on_message = [&](Connection& c, std::string_view message) {
    EXPECT_EQ(message, std::to_string(next++));
    server.streams.pass(100us);
    c.send(message);
  };
  const int client = server.connect();
  std::string requests;
  for (int i = 0; i < 5000; ++i) requests += std::to_string(i) + "\n";
  server.say(client, requests);
  for (int turns = 0; turns < 5000 && next < 5000; ++turns) server.turn();
  EXPECT_EQ(next, 5000);
  EXPECT_EQ(server.streams.wire(client).sent, requests);
}

TEST(Share, a_turn_has_an_end_though_all_clients_pipeline) {
  VirtualServer server;
  server.handlers.on_message = [&](Connection&, std::string_view) { server.streams.pass(10us); };
  std::vector<int> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(server.connect());
    server.say(clients.back(), many("x\n", 20'000));
  }
  server.turn();
  server.turn();
  // First reads are bounded by the number of events of a turn; what they leave is bounded by time.
  const auto began = server.streams.clock();
  server.turn();
  EXPECT_LT(server.streams.clock() - began, 6ms);
}

TEST(Share, late_replies_and_closes_do_not_wait_for_messages_that_are_left) {
  VirtualServer server;
  std::optional<Reply> late;
  server.handlers.on_message = [&](Connection& c, std::string_view message) {
    if (message == "later") late.emplace(c.defer());
    server.streams.pass(10us);
  };
  const int waiting = server.connect();
  server.say(waiting, "later\n");
  const int ended = server.connect();
  for (int i = 0; i < 200; ++i) server.say(server.connect(), many("x\n", 20'000));
  server.turn();
  server.turn();
  ASSERT_TRUE(late);
  late->send("now");
  server.connection(ended)->close();
  const auto began = server.streams.clock();
  server.turn();
  EXPECT_EQ(server.streams.wire(waiting).sent, "now\n");
  EXPECT_EQ(server.closed, std::vector<std::string>{"closed-by-server"});
  EXPECT_LT(server.streams.clock() - began, 6ms);
  EXPECT_TRUE(server.path.has_work()) << "messages are left";
}

}  // namespace
}  // namespace prefork::test
