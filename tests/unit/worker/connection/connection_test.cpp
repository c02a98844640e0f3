// SPDX-License-Identifier: MIT
// A connection as seen by its client and by the callbacks.
#include <prefork/connection.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "unit/worker/connection/virtual_server.hpp"
#include "unit/worker/server_thread.hpp"
#include "worker/connection/connection_impl.hpp"

namespace prefork::test {
namespace {

using testing::ElementsAre;

void serve_lines(Server& server) {
  server.on_message([](Connection& c, std::string_view line) {
    c.send({"received: ", line});
    if (line == "quit") c.close_after_flush();
  });
}

TEST(ConnectionTest, idle_connection_needs_less_than_300_bytes) {
  // No other memory belongs to a connection that waits for its client; the table adds no entry of its own.
  EXPECT_LT(sizeof(internal::ConnectionImpl), 300U);
  RecordProperty("bytes", static_cast<int>(sizeof(internal::ConnectionImpl)));
}

TEST(ConnectionTest, answers_a_line) {
  ServerThread server(serve_lines);
  TestClient client = server.connect();
  client.send("hello\n");
  EXPECT_EQ(client.line(), "received: hello");
}

TEST(ConnectionTest, answers_a_line_that_is_split_over_segments) {
  ServerThread server(serve_lines);
  TestClient client = server.connect();
  for (const char c : std::string("split\r")) client.send({&c, 1});
  EXPECT_TRUE(client.silent());
  client.send("\nnext\n");
  EXPECT_EQ(client.line(), "received: split");
  EXPECT_EQ(client.line(), "received: next");
}

TEST(ConnectionTest, replies_of_one_read_leave_in_one_segment) {
  ServerThread server(serve_lines);
  TestClient client = server.connect();
  std::string lines;
  std::string replies;
  for (int i = 0; i < 100; ++i) {
    lines += std::to_string(i) + "\n";
    replies += "received: " + std::to_string(i) + "\n";
  }
  client.send(lines);
  EXPECT_EQ(client.bytes(replies.size()), replies);
  EXPECT_EQ(client.data_segments_received(), 1U);
}

TEST(ConnectionTest, binary_bytes_and_the_longest_line_are_answered) {
  ServerThread server(serve_lines);
  TestClient client = server.connect();
  std::string line(64 * 1024, '\0');
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = static_cast<char>(i % 251 + (i % 251 >= 10 ? 1 : 0));
  client.send(line + "\n");
  EXPECT_EQ(client.line(), "received: " + line);
}

TEST(ConnectionTest, messages_far_larger_than_the_read_buffer_arrive_whole) {
  ServerThread server([](Server& s) {
    Limits limits;
    limits.max_message(3 * 1024 * 1024);
    limits.output_high_mark(64 * 1024);
    s.framing(Framing::length_prefix(4)).limits(limits);
    s.on_message([](Connection& c, std::string_view message) { c.send(message); });
  });
  TestClient client = server.connect();
  std::string frame("\x00\x20\x00\x00", 4);
  for (std::size_t i = 0; i < 2 * 1024 * 1024; ++i) frame += static_cast<char>(i * i >> 8);
  std::thread writer([&] {
    client.send(frame);
    client.send(frame);
  });
  EXPECT_TRUE(client.bytes(frame.size()) == frame);
  EXPECT_TRUE(client.bytes(frame.size()) == frame);
  writer.join();
}

TEST(ConnectionTest, half_close_is_answered_then_closed) {
  Record record;
  ServerThread server([&](Server& s) {
    serve_lines(s);
    record_closes(s, record);
  });
  TestClient client = server.connect();
  client.send("one\ntwo\n");
  client.half_close();
  EXPECT_EQ(client.rest(), "received: one\nreceived: two\n<eof>");
  EXPECT_THAT(record.wait(1), ElementsAre("peer-closed"));
}

TEST(ConnectionTest, half_close_in_a_line_closes_with_a_reason) {
  Record record;
  ServerThread server([&](Server& s) {
    serve_lines(s);
    record_closes(s, record);
  });
  TestClient client = server.connect();
  client.send("one\nunfini");
  client.half_close();
  EXPECT_EQ(client.rest(), "received: one\n<eof>");
  EXPECT_THAT(record.wait(1), ElementsAre("unfinished-message"));
}

TEST(ConnectionTest, quit_is_answered_then_closed_and_nothing_behind_it_is_delivered) {
  Record record;
  ServerThread server([&](Server& s) {
    serve_lines(s);
    s.on_connect([&](Connection&) { record.add("connect"); });
    record_closes(s, record);
  });
  TestClient client = server.connect();
  client.send("quit\nmore\nand more\n");
  EXPECT_EQ(client.rest(), "received: quit\n<eof>");
  EXPECT_THAT(record.wait(2), ElementsAre("connect", "closed-by-server"));
}

TEST(ConnectionTest, a_client_that_keeps_sending_still_reads_the_last_reply) {
  ServerThread server([](Server& s) {
    Limits limits;
    limits.max_message(1000);
    s.limits(limits);
    serve_lines(s);
  });
  TestClient client = server.connect();
  // Far more than was read when the limit was found: a close(2) with it unread would send a reset and destroy the
  // reply.
  client.send("first\n" + std::string(1024 * 1024, 'x'));
  EXPECT_EQ(client.rest(), "received: first\n<eof>");
}

TEST(ConnectionTest, reset_by_the_client_is_its_own_reason) {
  Record record;
  ServerThread server([&](Server& s) {
    serve_lines(s);
    record_closes(s, record);
  });
  TestClient client = server.connect();
  client.send("hello\n");
  EXPECT_EQ(client.line(), "received: hello");
  client.reset();
  EXPECT_THAT(record.wait(1), ElementsAre("peer-reset"));
}

TEST(ConnectionTest, back_pressure_stops_reading_and_loses_nothing) {
  std::atomic<std::size_t> max_unsent{0};
  ServerThread server([&](Server& s) {
    Limits limits;
    limits.output_high_mark(16 * 1024);
    s.limits(limits);
    s.on_message([&](Connection& c, std::string_view line) {
      c.send({line, std::string(1000, '.')});
      max_unsent = std::max(max_unsent.load(), c.unsent());
    });
  });
  TestClient client = server.connect();
  constexpr int count = 40000;
  std::thread writer([&] {
    std::string lines;
    for (int i = 0; i < count; ++i) lines += std::to_string(i) + "\n";
    client.send(lines);
  });
  for (int i = 0; i < count; ++i) ASSERT_EQ(client.line(), std::to_string(i) + std::string(1000, '.'));
  writer.join();
  EXPECT_LT(max_unsent, 3 * 16 * 1024U);
}

TEST(ConnectionTest, closing_itself_in_every_callback_ends_it_once) {
  Record record;
  ServerThread server([&](Server& s) {
    s.on_connect([&](Connection& c) {
      record.add("connect");
      if (record.now().size() == 1) c.close();
    });
    s.on_message([&](Connection& c, std::string_view line) {
      record.add(std::string(line));
      c.close();
      c.send("never");
      c.close_after_flush();
    });
    s.on_close([&](Connection& c, CloseReason why) {
      record.add(std::string(to_string(why)));
      c.close();
      c.send("never");
    });
  });
  EXPECT_EQ(server.connect().rest(), "<eof>");
  TestClient client = server.connect();
  client.send("a\nb\n");
  EXPECT_NE(client.rest().find("<"), std::string::npos);
  EXPECT_THAT(record.wait(5), ElementsAre("connect", "closed-by-server", "connect", "a", "closed-by-server"));
}

TEST(ConnectionTest, callbacks_may_close_and_write_to_other_connections) {
  Record record;
  ServerThread server([&](Server& s) {
    auto others = std::make_shared<std::vector<ConnectionRef>>();
    s.on_connect([&record, others](Connection& c) {
      others->emplace_back(c);
      record.add("connect");
    });
    s.on_message([&record, others](Connection&, std::string_view line) {
      record.add(std::string(line));
      for (const ConnectionRef& ref : *others) {
        Connection* const c = ref.get();
        if (c == nullptr) continue;
        c->send("broadcast");
        if (line == "close all") c->close_after_flush();
        if (line == "close all now") c->close();
      }
    });
    record_closes(s, record);
  });
  std::vector<TestClient> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(server.connect());
  record.wait(3);
  clients[0].send("hello\n");
  for (TestClient& client : clients) EXPECT_EQ(client.line(), "broadcast");
  clients[1].send("close all\n");
  for (TestClient& client : clients) EXPECT_EQ(client.rest(), "broadcast\n<eof>");
  record.wait(8);
  clients.clear();
  for (int i = 0; i < 10; ++i) clients.push_back(server.connect());
  record.wait(18);
  // Several are ready in the same turn, and each callback closes all.
  for (TestClient& client : clients) client.send("close all now\n");
  for (TestClient& client : clients) EXPECT_NE(client.rest().find('<'), std::string::npos);
}

TEST(ConnectionTest, a_reference_finds_its_connection_until_on_close_has_returned) {
  Record record;
  ServerThread server([&](Server& s) {
    auto ref = std::make_shared<ConnectionRef>();
    s.on_connect([ref](Connection& c) { *ref = ConnectionRef(c); });
    s.on_message([&record, ref](Connection& c, std::string_view) { record.add(ref->get() == &c ? "found" : "lost"); });
    s.on_close([&record, ref, &s](Connection& c, CloseReason) {
      record.add(ref->get() == &c ? "found" : "lost");
      s.post([&record, ref] { record.add(ref->get() == nullptr ? "gone" : "still there"); });
    });
  });
  TestClient client = server.connect();
  client.send("x\n");
  client.close();
  EXPECT_THAT(record.wait(3), ElementsAre("found", "found", "gone"));
}

TEST(ConnectionTest, an_id_is_never_used_twice) {
  std::set<std::uint64_t> ids;
  Record record;
  ServerThread server([&](Server& s) {
    s.on_connect([&](Connection& c) { ids.insert(c.id()); });
    s.on_close([&](Connection&, CloseReason) { record.add("closed"); });
  });
  for (std::size_t i = 1; i <= 200; ++i) {
    static_cast<void>(server.connect());
    record.wait(i);
  }
  server.stop();
  EXPECT_EQ(ids.size(), 200U);
}

TEST(ConnectionTest, own_data_is_destroyed_after_on_close) {
  struct Data {
    explicit Data(Record& record_) : record(record_) {}
    ~Data() { record.add("destroyed"); }
    Record& record;
  };
  Record record;
  ServerThread server([&](Server& s) {
    s.on_connect([&](Connection& c) {
      EXPECT_EQ(c.data<Data>(), nullptr);
      Data& data = c.set_data<Data>(record);
      EXPECT_EQ(c.data<Data>(), &data);
    });
    s.on_close([&](Connection& c, CloseReason) { record.add(c.data<Data>() != nullptr ? "closed" : "no data"); });
  });
  static_cast<void>(server.connect());
  EXPECT_THAT(record.wait(2), ElementsAre("closed", "destroyed"));
}

TEST(ConnectionTest, the_peer_is_named_even_after_it_is_gone) {
  Record record;
  ServerThread server([&](Server& s) {
    s.on_connect([&](Connection& c) { record.add(c.peer()); });
    s.on_close([&](Connection& c, CloseReason) { record.add(c.peer()); });
  });
  TestClient client = server.connect();
  const std::string name = preforkd::format_address(preforkd::local_address(client.fd()).value());
  record.wait(1);
  client.reset();
  EXPECT_THAT(record.wait(2), ElementsAre(name, name));
}

TEST(ConnectionTest, a_unix_peer_without_a_name_is_unix) {
  Record record;
  ServerThread server(
      [&](Server& s) {
        serve_lines(s);
        s.on_close([&](Connection& c, CloseReason why) { record.add(c.peer() + " " + std::string(to_string(why))); });
      },
      "@prefork-connection-test-" + std::to_string(::getpid()));
  TestClient client = server.connect();
  client.send("hello\n");
  EXPECT_EQ(client.line(), "received: hello");
  client.close();
  EXPECT_THAT(record.wait(1), ElementsAre("unix peer-closed"));
}

TEST(ConnectionTest, a_unix_client_that_sends_and_closes_at_once_is_heard) {
  Record record;
  ServerThread server(
      [&](Server& s) { s.on_message([&](Connection&, std::string_view line) { record.add(std::string(line)); }); },
      "@prefork-connection-test-" + std::to_string(::getpid()));
  TestClient client = server.connect();
  client.send("fire\nforget\n");
  client.close();
  EXPECT_THAT(record.wait(2), ElementsAre("fire", "forget"));
}

TEST(ConnectionTest, a_throwing_callback_closes_its_connection_only) {
  Record record;
  ServerThread server([&](Server& s) {
    s.on_message([](Connection& c, std::string_view line) {
      if (line == "throw") throw std::runtime_error("on purpose");
      if (line == "throw 1") throw 1;
      c.send(line);
    });
    s.on_close([&](Connection&, CloseReason why) {
      record.add(std::string(to_string(why)));
      throw std::runtime_error("and again");
    });
  });
  TestClient other = server.connect();
  TestClient client = server.connect();
  client.send("a\nthrow\nb\n");
  EXPECT_EQ(client.rest(), "a\n<eof>");
  TestClient second = server.connect();
  second.send("throw 1\n");
  EXPECT_EQ(second.rest(), "<eof>");
  EXPECT_THAT(record.wait(2), ElementsAre("handler-failed", "handler-failed"));
  other.send("alive\n");
  EXPECT_EQ(other.line(), "alive");
}

TEST(ConnectionTest, a_message_that_does_not_fit_its_length_prefix_closes_with_a_reason) {
  Record record;
  ServerThread server([&](Server& s) {
    s.framing(Framing::length_prefix(1));
    s.on_message([](Connection& c, std::string_view) {
      c.send("ok");
      c.send(std::string(256, 'x'));
    });
    record_closes(s, record);
  });
  TestClient client = server.connect();
  client.send(std::string_view("\x01x", 2));
  EXPECT_EQ(client.rest(), "\x02ok<eof>");
  EXPECT_THAT(record.wait(1), ElementsAre("reply-too-long"));
}

TEST(ConnectionTest, an_empty_message_without_framing_is_nothing_to_send) {
  VirtualServer server({}, Framing::raw());
  server.handlers.on_connect = [](Connection& c) { c.send(""); };  // before the worker has sent anything
  const int client = server.connect();
  server.turn();
  ASSERT_NE(server.connection(client), nullptr);
  server.connection(client)->send({"", ""});  // in no callback of its own
  EXPECT_EQ(server.connection(client)->unsent(), 0U);
  server.connection(client)->send("something");
  server.turn();
  EXPECT_EQ(server.streams.wire(client).sent, "something");
  EXPECT_THAT(server.closed, testing::IsEmpty());
}

TEST(ConnectionTest, a_client_that_pipelines_does_not_starve_another) {
  std::atomic<bool> other_served{false};
  std::atomic<int> served_before_other{0};
  ServerThread server([&](Server& s) {
    s.on_message([&](Connection& c, std::string_view line) {
      if (line == "other") {
        other_served = true;
        c.send("served");
      } else if (!other_served) {
        ++served_before_other;
      }
    });
  });
  TestClient greedy = server.connect();
  TestClient other = server.connect();
  std::string lines;
  for (int i = 0; i < 100000; ++i) lines += "0123456789\n";
  // The server's thread waits in a posted call until both have sent.
  std::promise<void> both_sent;
  server.post([wait = both_sent.get_future().share()](Server&) { wait.wait(); });
  std::thread writer([&] { greedy.send(lines); });
  other.send("other\n");
  both_sent.set_value();
  EXPECT_EQ(other.line(), "served");
  writer.join();
  // At most one connection's share in each of the few turns that the second needed.
  EXPECT_LT(served_before_other, 3000);
}

}  // namespace
}  // namespace prefork::test
