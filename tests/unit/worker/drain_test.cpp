// SPDX-License-Identifier: MIT
// The drain of a worker. stop() stands for SIGTERM and the death of the master, which worker_run_test.cpp tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "unit/worker/server_thread.hpp"

namespace prefork::test {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using Clock = std::chrono::steady_clock;

struct App {
  void operator()(Server& s) {
    Limits limits;
    limits.output_high_mark(64 * 1024);
    change_limits(limits);
    s.limits(limits);
    s.on_connect([this](Connection&) { record.add("connect"); });
    s.on_message([this](Connection& c, std::string_view line) {
      if (line == "later") {
        held.emplace_back(c.defer());
      } else if (line == "flood") {
        for (int i = 0; i < 16; ++i) c.send_raw(std::string(1024 * 1024, 'x'));
      } else {
        c.send(line);
      }
      record.add(std::string(line.substr(0, 20)));
    });
    record_closes(s, record);
    s.on_leave([this] { record.add("drain"); });
    s.on_worker_stop([this] { record.add("stop"); });
  }

  std::function<void(Limits&)> change_limits = [](Limits&) {};
  Record record;
  std::deque<Reply> held;
};

TEST(DrainTest, with_nothing_open_it_returns_at_once) {
  App app;
  ServerThread server(std::ref(app));
  EXPECT_EQ(server.stop(), 0);
  EXPECT_THAT(app.record.now(), ElementsAre("drain", "stop"));
}

TEST(DrainTest, idle_connections_are_closed_at_once) {
  App app;
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  client.send("hello\n");
  EXPECT_EQ(client.line(), "hello");
  const auto begin = Clock::now();
  EXPECT_EQ(server.stop(), 0);
  EXPECT_LT(Clock::now() - begin, milliseconds(1000));
  EXPECT_EQ(client.rest(), "<eof>");
  EXPECT_THAT(app.record.now(), ElementsAre("connect", "hello", "drain", "drained", "stop"));
}

TEST(DrainTest, a_new_clients_first_message_is_waited_for) {
  App app;
  app.change_limits = [](Limits& limits) { limits.first_message_grace(std::chrono::minutes(1)); };
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  app.record.wait(1);
  server.request_stop();
  app.record.wait(2);
  server.post([&](Server&) { app.record.add("draining"); });
  app.record.wait(3);
  client.send("just in time\n");
  EXPECT_EQ(client.rest(), "just in time\n<eof>");
  EXPECT_EQ(server.join(), 0);
  EXPECT_THAT(app.record.now(), ElementsAre("connect", "drain", "draining", "just in time", "drained", "stop"));
}

TEST(DrainTest, a_new_client_that_keeps_silent_is_closed_after_the_grace) {
  App app;
  app.change_limits = [](Limits& limits) { limits.first_message_grace(milliseconds(100)); };
  ServerThread server(std::ref(app));
  const auto begin = Clock::now();
  TestClient client = server.connect();
  app.record.wait(1);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_GE(Clock::now() - begin, milliseconds(100));
  EXPECT_EQ(client.rest(), "<eof>");
  EXPECT_THAT(app.record.now(), ElementsAre("connect", "drain", "drained", "stop"));
}

TEST(DrainTest, without_a_grace_a_new_client_is_an_idle_one) {
  App app;
  app.change_limits = [](Limits& limits) { limits.first_message_grace(milliseconds(0)); };
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  app.record.wait(1);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(client.rest(), "<eof>");
  EXPECT_THAT(app.record.now(), ElementsAre("connect", "drain", "drained", "stop"));
}

// The object that a connection leaves behind serves the next one.
TEST(DrainTest, a_new_client_in_a_used_place_has_its_grace) {
  App app;
  app.change_limits = [](Limits& limits) { limits.first_message_grace(std::chrono::minutes(1)); };
  ServerThread server(std::ref(app));
  TestClient before = server.connect();
  before.send("before\n");
  EXPECT_EQ(before.line(), "before");
  before.close();
  app.record.wait(3);
  TestClient client = server.connect();
  app.record.wait(4);
  server.request_stop();
  app.record.wait(5);
  server.post([&](Server&) { app.record.add("draining"); });
  app.record.wait(6);
  client.send("after\n");
  EXPECT_EQ(client.rest(), "after\n<eof>");
  EXPECT_EQ(server.join(), 0);
}

TEST(DrainTest, no_client_is_accepted_any_more) {
  App app;
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  client.send("later\n");
  app.record.wait(2);
  server.request_stop();
  app.record.wait(3);
  EXPECT_THROW(static_cast<void>(server.connect()), std::runtime_error);
  server.post([&](Server&) { app.held.clear(); });
  EXPECT_EQ(server.join(), 0);
}

TEST(DrainTest, what_the_kernel_already_holds_is_answered) {
  App app;
  // Data sent to a UNIX socket is in the receiver's queue at once.
  ServerThread server(std::ref(app), "@prefork-drain-test-" + std::to_string(::getpid()));
  TestClient client = server.connect();
  app.record.wait(1);
  // The loop is blocked while the lines and the request to drain arrive: the next turn sees both.
  std::promise<void> go;
  std::promise<void> standing;
  server.post([&](Server& s) {
    standing.set_value();
    go.get_future().wait();
    s.stop();
  });
  standing.get_future().wait();
  std::string lines;
  for (int i = 0; i < 9000; ++i) lines += "line " + std::to_string(i) + "\n";
  ASSERT_GT(lines.size(), 65536U) << "one read must not be enough";
  client.send(lines);
  go.set_value();
  EXPECT_TRUE(client.rest() == lines + "<eof>");
  EXPECT_EQ(server.join(), 0);
}

TEST(DrainTest, out_of_band_data_of_a_unix_client_does_not_hold_it_up) {
  App app;
  app.change_limits = [](Limits& limits) { limits.drain_timeout(std::chrono::seconds(5)); };
  ServerThread server(std::ref(app), "@prefork-drain-test-" + std::to_string(::getpid()));
  TestClient client = server.connect();
  app.record.wait(1);
  const auto begin = Clock::now();
  server.post([&](Server& s) {
    client.send("before ");
    ::send(client.fd(), "!", 1, MSG_OOB | MSG_NOSIGNAL);  // some kernels have none for UNIX sockets
    client.send("behind\n");
    s.stop();
  });
  EXPECT_EQ(client.rest(), "before behind\n<eof>");
  EXPECT_THAT(app.record.wait(5), ElementsAre("connect", "drain", "before behind", "drained", "stop"));
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(4));
}

TEST(DrainTest, a_deferred_reply_is_waited_for_and_what_stands_behind_is_answered) {
  App app;
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  client.send("later\nbehind\n");
  app.record.wait(2);
  server.request_stop();
  app.record.wait(3);
  server.post([&](Server&) {
    app.held.front().send("now");
    app.held.clear();
  });
  EXPECT_EQ(client.rest(), "now\nbehind\n<eof>");
  EXPECT_EQ(server.join(), 0);
  EXPECT_THAT(app.record.now(), ElementsAre("connect", "later", "drain", "behind", "drained", "stop"));
}

TEST(DrainTest, unsent_output_is_sent) {
  App app;
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  client.send("flood\nbehind\n");
  app.record.wait(2);
  server.request_stop();
  app.record.wait(3);
  EXPECT_EQ(client.bytes(16U * 1024 * 1024).size(), 16U * 1024 * 1024);
  EXPECT_EQ(client.rest(), "behind\n<eof>");
  EXPECT_EQ(server.join(), 0);
}

TEST(DrainTest, a_message_that_has_begun_may_become_complete) {
  App app;
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  client.send("first\nhalf");
  EXPECT_EQ(client.line(), "first");
  server.request_stop();
  app.record.wait(3);
  // on_leave runs before the connections are looked at; this runs after.
  server.post([&](Server&) { app.record.add("draining"); });
  app.record.wait(4);
  client.send(" and half\nnext is not begun");
  EXPECT_EQ(client.rest(), "half and half\n<eof>");
  EXPECT_EQ(server.join(), 0);
}

TEST(DrainTest, a_message_that_has_begun_is_waited_for_no_longer_than_its_time_out) {
  App app;
  app.change_limits = [](Limits& limits) { limits.message_timeout(milliseconds(100)); };
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  client.send("half");
  app.record.wait(1);
  server.request_stop();
  EXPECT_EQ(client.rest(), "<eof>");
  EXPECT_EQ(server.join(), 0);
  EXPECT_THAT(app.record.now(), ElementsAre("connect", "drain", "message-timeout", "stop"));
}

TEST(DrainTest, kept_idle_connections_are_served_until_the_drain_timeout) {
  App app;
  app.change_limits = [](Limits& limits) {
    limits.drain_idle(DrainIdle::keep);
    limits.drain_timeout(milliseconds(300));
  };
  ServerThread server(std::ref(app));
  TestClient idle = server.connect();
  TestClient busy = server.connect();
  app.record.wait(2);
  const auto begin = Clock::now();
  server.request_stop();
  app.record.wait(3);
  idle.send("still served\n");
  EXPECT_EQ(idle.line(), "still served");
  busy.send("later\n");
  app.record.wait(5);
  EXPECT_EQ(server.join(), 0);
  EXPECT_GE(Clock::now() - begin, milliseconds(300));
  EXPECT_THAT(app.record.now(), testing::IsSupersetOf({"drained", "drain-timeout"}));
}

TEST(DrainTest, kept_connections_that_close_themselves_end_the_drain) {
  App app;
  app.change_limits = [](Limits& limits) { limits.drain_idle(DrainIdle::keep); };
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  app.record.wait(1);
  server.request_stop();
  app.record.wait(2);
  client.close();
  EXPECT_EQ(server.join(), 0);
  EXPECT_THAT(app.record.now(), ElementsAre("connect", "drain", "peer-closed", "stop"));
}

TEST(DrainTest, the_drain_timeout_ends_a_busy_connection) {
  App app;
  app.change_limits = [](Limits& limits) { limits.drain_timeout(milliseconds(50)); };
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  client.send("later\n");
  app.record.wait(2);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(client.rest(), "<eof>");
  EXPECT_THAT(app.record.now(), ElementsAre("connect", "later", "drain", "drain-timeout", "stop"));
}

TEST(DrainTest, stop_before_run_leaves_at_once) {
  Server server;
  server.listen("127.0.0.1:0");
  server.stop();
  EXPECT_EQ(server.run(), 0);
}

}  // namespace
}  // namespace prefork::test
