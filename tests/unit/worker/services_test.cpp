// SPDX-License-Identifier: MIT
// Services of their own for sockets with a name, and framing that changes in the middle of a connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/worker/connection/virtual_server.hpp"
#include "unit/worker/server_process.hpp"
#include "unit/worker/server_thread.hpp"

namespace prefork::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

void echo_and_admin(Server& server) {
  server.framing(Framing::lines());
  server.on_message([](Connection& c, std::string_view line) { c.send({c.listener(), ": ", line}); });
  Service admin = server.service("admin");
  admin.framing(Framing::length_prefix(1)).limits(Limits().max_connections(1).max_message(10));
  admin.on_connect([](Connection& c) { c.send("hello"); });
  admin.on_message([](Connection& c, std::string_view message) { c.send({c.listener(), "! ", message}); });
}

TEST(Services, each_has_callbacks_framing_and_limits_of_its_own) {
  const Listener first;
  const Listener second;
  const Listener third;
  const ServerProcess worker(Start{{first.fd.get(), second.fd.get(), third.fd.get()},
                                   {{"LISTEN_FDNAMES", "web:admin:metrics"}},
                                   echo_and_admin,
                                   {}});
  TestClient web(first.address);
  TestClient metrics(third.address);
  TestClient admin(second.address);
  web.send("x\n");
  EXPECT_EQ(web.line(), "web: x");
  metrics.send("y\n");
  EXPECT_EQ(metrics.line(), "metrics: y");
  EXPECT_EQ(admin.bytes(6), "\x05hello");
  admin.send("\x01z");
  EXPECT_EQ(admin.bytes(9),
            "\x08"
            "admin! z");
  // A full service keeps no other one from accepting.
  TestClient waits(second.address);
  TestClient more(first.address);
  more.send("m\n");
  EXPECT_EQ(more.line(), "web: m");
  EXPECT_FALSE(wait_for(waits.fd(), POLLIN, std::chrono::milliseconds(20)));
  admin.close();
  EXPECT_EQ(waits.bytes(6), "\x05hello");
}

TEST(Services, one_without_a_socket_is_an_error) {
  const Listener listener;
  ServerProcess worker(Start{{listener.fd.get()}, {{"LISTEN_FDNAMES", "web"}}, echo_and_admin, {}});
  EXPECT_EQ(worker.wait(), 69);
}

TEST(Services, may_listen_by_themselves) {
  Record record;
  ServerThread server([&](Server& s) {
    echo_and_admin(s);
    s.service("admin").listen("127.0.0.1:0");
    s.on_worker_start([&s, &record] {
      for (const std::string& address : s.addresses()) record.add(address);
    });
  });
  const std::vector<std::string> addresses = record.wait(2);
  EXPECT_EQ(TestClient(addresses[1]).bytes(6), "\x05hello");
}

TEST(Services, have_limits_of_their_own_in_the_settings) {
  const Listener first;
  const Listener second;
  ServerProcess worker(Start{{first.fd.get(), second.fd.get()},
                             {{"LISTEN_FDNAMES", "web:admin"},
                              {"PREFORK_SETTINGS", R"({"max_message": "4B", "admin": {"max_message": "11B"}})"}},
                             echo_and_admin,
                             {}});
  TestClient admin(second.address);
  EXPECT_EQ(admin.bytes(6), "\x05hello");
  admin.send(
      "\x0B"
      "eleven here");
  EXPECT_EQ(admin.bytes(19),
            "\x12"
            "admin! eleven here");
  TestClient web(first.address);
  web.send("five!\n");
  EXPECT_EQ(web.rest(), "<eof>");
}

TEST(Services, report_a_wrong_setting_with_its_path) {
  const Listener first;
  const Listener second;
  Output output;
  ServerProcess worker(
      Start{{first.fd.get(), second.fd.get()},
            {{"LISTEN_FDNAMES", "web:admin"}, {"PREFORK_SETTINGS", R"({"admin": {"max_conections": 4}})"}},
            echo_and_admin,
            [&] { output.become_stderr(); }});
  EXPECT_EQ(worker.wait(), 78);
  EXPECT_THAT(output.text(),
              HasSubstr("settings.admin.max_conections: unknown key; did you mean \"max_connections\"?"));
}

TEST(Services, that_are_full_are_named_in_the_log) {
  const Listener first;
  const Listener second;
  Output output;
  ServerProcess worker(Start{{first.fd.get(), second.fd.get()}, {{"LISTEN_FDNAMES", "web:admin"}}, echo_and_admin, [&] {
                               output.become_stderr();
                             }});
  EXPECT_EQ(TestClient(second.address).bytes(6), "\x05hello");
  EXPECT_EQ(worker.terminate(), 0);
  EXPECT_THAT(output.text(), HasSubstr("max_connections reached by service \"admin\": accepting is paused"));
}

TEST(Services, cannot_change_during_run) {
  Record record;
  ServerThread server([&](Server& s) {
    Service admin = s.service("admin").listen("127.0.0.1:0");
    s.on_message([&record, admin](Connection&, std::string_view) mutable {
      try {
        admin.limits(Limits());
      } catch (const std::logic_error& error) {
        record.add(error.what());
      }
    });
  });
  TestClient client = server.connect();
  client.send("x\n");
  EXPECT_THAT(record.wait(1), ElementsAre("Service::limits() was called during run()"));
}

TEST(ChangedFraming, applies_to_what_comes_next_and_to_what_is_sent_from_then_on) {
  VirtualServer server;
  server.handlers.on_message = [](Connection& c, std::string_view message) {
    c.send(message);
    if (message == "binary") c.framing(Framing::length_prefix(2));
    if (message == "raw") c.framing(Framing::raw());
  };
  const int client = server.connect();
  server.say(client, std::string_view("text\nbinary\n\0\2ab\0\3rawrest\nof it", 32));
  server.turn();
  EXPECT_EQ(server.streams.wire(client).sent, std::string_view("text\nbinary\n\0\2ab\0\3rawrest\nof it", 32));
}

TEST(CustomFraming, that_finds_no_message_closes_with_a_reason_behind_the_replies) {
  const auto next = [](std::string_view input) {
    if (input.front() == '!') return Frame::bad();
    if (input.front() == '?') throw std::runtime_error("on purpose");
    return Frame::message(1);
  };
  VirtualServer server({}, Framing::custom(next));
  server.handlers.on_message = [](Connection& c, std::string_view message) { c.send(message); };
  const int bad = server.connect();
  server.say(bad, "ab!c");
  server.pass(std::chrono::milliseconds(2));
  const int throws = server.connect();
  server.say(throws, "de?f");
  server.pass(std::chrono::milliseconds(2));
  EXPECT_EQ(server.streams.wire(bad).sent, "ab");
  EXPECT_EQ(server.streams.wire(throws).sent, "de");
  EXPECT_THAT(server.closed, ElementsAre("bad-message", "handler-failed"));
}

}  // namespace
}  // namespace prefork::test
