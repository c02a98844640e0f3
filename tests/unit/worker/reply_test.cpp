// SPDX-License-Identifier: MIT
// Deferred replies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <future>
#include <memory>
#include <optional>
#include <vector>

#include "unit/worker/server_thread.hpp"

namespace prefork::test {
namespace {

using testing::ElementsAre;

// Defers each line that begins with "later" and answers the others at once. The held replies belong to the server's
// thread.
struct Deferring {
  void operator()(Server& server) {
    server.on_message([this](Connection& c, std::string_view line) {
      record.add(std::string(line));
      if (line.substr(0, 5) == "later") {
        held.emplace_back(c.defer());
      } else {
        c.send(line);
      }
    });
    record_closes(server, record);
  }
  void release(ServerThread& server, std::string text) {
    server.post([this, text = std::move(text)](Server&) {
      Reply reply = std::move(held.front());
      held.pop_front();
      reply.send(text);
    });
  }
  void drop(ServerThread& server) {
    server.post([this](Server&) { held.pop_front(); });
  }

  Record record;
  std::deque<Reply> held;
};

TEST(ReplyTest, replies_keep_the_order_of_their_messages) {
  Deferring app;
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  client.send("a\nlater 1\nb\nlater 2\nc\n");
  EXPECT_EQ(client.line(), "a");
  EXPECT_THAT(app.record.wait(2), ElementsAre("a", "later 1"));
  EXPECT_TRUE(client.silent());
  app.release(server, "one");
  EXPECT_EQ(client.line(), "one");
  EXPECT_EQ(client.line(), "b");
  app.record.wait(4);
  app.release(server, "two");
  EXPECT_EQ(client.line(), "two");
  EXPECT_EQ(client.line(), "c");
}

TEST(ReplyTest, input_that_arrives_meanwhile_waits) {
  Deferring app;
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  client.send("later\n");
  app.record.wait(1);
  client.send("next\n");
  TestClient other = server.connect();
  other.send("sync\n");
  EXPECT_EQ(other.line(), "sync");
  EXPECT_TRUE(client.silent());
  app.release(server, "now");
  EXPECT_EQ(client.line(), "now");
  EXPECT_EQ(client.line(), "next");
}

TEST(ReplyTest, destroyed_unsent_it_lets_the_connection_go_on) {
  Deferring app;
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  client.send("later\nnext\n");
  app.record.wait(1);
  app.drop(server);
  EXPECT_EQ(client.line(), "next");
}

TEST(ReplyTest, a_message_may_have_more_of_them_than_a_small_counter_holds) {
  Record record;
  std::vector<Reply> held;
  ServerThread server([&](Server& its) {
    its.on_message([&](Connection& c, std::string_view line) {
      record.add(std::string(line));
      if (line == "all") {
        for (int i = 0; i < 65536; ++i) held.push_back(c.defer());
      }
      c.send(line);
    });
  });
  TestClient client = server.connect();
  client.send("all\nnext\n");
  EXPECT_EQ(client.line(), "all");
  TestClient other = server.connect();
  other.send("sync\n");
  EXPECT_EQ(other.line(), "sync");
  EXPECT_THAT(record.wait(2), ElementsAre("all", "sync"));
  server.post([&](Server&) { held.clear(); });
  EXPECT_EQ(client.line(), "next");
}

TEST(ReplyTest, a_half_closed_client_still_gets_it) {
  Deferring app;
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  client.send("later\nnext\n");
  client.half_close();
  app.record.wait(1);
  app.release(server, "now");
  EXPECT_EQ(client.rest(), "now\nnext\n<eof>");
  EXPECT_THAT(app.record.wait(3), ElementsAre("later", "next", "peer-closed"));
}

TEST(ReplyTest, a_client_that_resets_meanwhile_is_noticed) {
  Deferring app;
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  client.send("later\n");
  app.record.wait(1);
  client.reset();
  EXPECT_THAT(app.record.wait(2), ElementsAre("later", "peer-reset"));
  app.release(server, "too late");
}

TEST(ReplyTest, a_unix_client_that_closed_meanwhile_costs_no_turns_of_the_loop) {
  Deferring app;
  ServerThread server(std::ref(app), "@prefork-reply-test-" + std::to_string(::getpid()));
  TestClient client = server.connect();
  client.send("later\nnext\n");
  app.record.wait(1);
  const auto cpu = [] {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  client.close();
  std::promise<void> waited;
  const auto before = cpu();
  server.post([&](Server& s) { s.after(std::chrono::milliseconds(200), [&] { waited.set_value(); }); });
  waited.get_future().wait();
  EXPECT_LT(cpu() - before, std::chrono::milliseconds(30)) << "the loop spins on EPOLLHUP";
  app.release(server, "no client reads this");
  EXPECT_THAT(app.record.wait(3), ElementsAre("later", "next", "peer-reset"));
}

TEST(ReplyTest, several_for_one_message_are_all_waited_for) {
  Record record;
  std::deque<Reply> held;
  ServerThread server([&](Server& s) {
    s.on_message([&](Connection& c, std::string_view line) {
      record.add(std::string(line));
      if (line != "two") return c.send(line);
      held.emplace_back(c.defer());
      held.emplace_back(c.defer());
    });
  });
  TestClient client = server.connect();
  client.send("two\nnext\n");
  record.wait(1);
  server.post([&](Server&) {
    held.back().send("first");
    held.pop_back();
  });
  EXPECT_EQ(client.line(), "first");
  EXPECT_EQ(record.now().size(), 1U);
  server.post([&](Server&) { held.clear(); });
  EXPECT_EQ(client.line(), "next");
}

TEST(ReplyTest, safe_after_the_connection_and_the_server) {
  Record record;
  std::optional<Reply> reply;
  std::optional<ConnectionRef> ref;
  {
    ServerThread server([&](Server& s) {
      s.on_message([&](Connection& c, std::string_view) {
        ref = ConnectionRef(c);
        reply = c.defer();
        c.close();
        record.add("deferred");
      });
      s.on_close([&](Connection&, CloseReason) {
        EXPECT_NE(reply->connection(), nullptr);
        record.add("closed");
      });
    });
    TestClient client = server.connect();
    client.send("x\n");
    record.wait(2);
    std::promise<void> looked;
    server.post([&](Server&) {
      EXPECT_EQ(reply->connection(), nullptr);
      reply->send("no client hears this");
      looked.set_value();
    });
    looked.get_future().wait();
  }
  EXPECT_EQ(ref->get(), nullptr);
  EXPECT_EQ(reply->connection(), nullptr);
  reply->send("nor this");
  reply.reset();
}

// Takes the reply that was deferred last to this thread.
Reply taken(ServerThread& server, Deferring& app) {
  std::promise<Reply> promise;
  std::future<Reply> reply = promise.get_future();
  server.post([&](Server&) {
    promise.set_value(std::move(app.held.front()));
    app.held.pop_front();
  });
  return reply.get();
}

TEST(ReplyTest, may_be_sent_on_any_thread) {
  Deferring app;
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  client.send("later\nnext\n");
  app.record.wait(1);
  Reply reply = taken(server, app);
  EXPECT_EQ(reply.connection(), nullptr);
  reply.send({"from ", "elsewhere"});
  EXPECT_FALSE(reply);
  EXPECT_EQ(client.line(), "from elsewhere");
  EXPECT_EQ(client.line(), "next");
}

TEST(ReplyTest, dropped_on_another_thread_it_lets_the_connection_go_on) {
  Deferring app;
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  client.send("later\nnext\n");
  app.record.wait(1);
  { const Reply dropped = taken(server, app); }
  EXPECT_EQ(client.line(), "next");
  EXPECT_EQ(server.stop(), 0);
}

TEST(ReplyTest, on_another_thread_it_may_outlive_the_server) {
  Deferring app;
  std::optional<Reply> sent;
  std::optional<Reply> dropped;
  {
    ServerThread server(std::ref(app));
    TestClient client = server.connect();
    client.send("later\n");
    TestClient other = server.connect();
    other.send("later\n");
    app.record.wait(2);
    sent = taken(server, app);
    dropped = taken(server, app);
    client.half_close();
    other.half_close();
    server.post([](Server& s) { s.stop(); });
    sent->send("in time");
    EXPECT_EQ(client.line(), "in time");
    dropped.reset();
    sent.reset();
    EXPECT_EQ(server.join(), 0);
  }
  ServerThread server(std::ref(app));
  TestClient client = server.connect();
  client.send("later\n");
  app.record.wait(5);
  std::optional<Reply> last = taken(server, app);
  client = server.connect();  // the first client resets nothing: it is gone, and the drain does not wait
  server.post([](Server& s) { s.stop(); });
  last->send("whatever");
  EXPECT_EQ(server.join(), 0);
  last.emplace(std::move(*last));
  last.reset();
}

}  // namespace
}  // namespace prefork::test
