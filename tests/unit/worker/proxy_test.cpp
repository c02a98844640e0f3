// SPDX-License-Identifier: MIT
// Clients that come through a proxy, which says who they are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prefork/log.hpp>
#include <prefork/proxy_header.hpp>

#include <string>

#include "fakes/proxy_headers.hpp"
#include "unit/worker/connection/virtual_server.hpp"
#include "unit/worker/hand_over/moving_workers.hpp"
#include "unit/worker/server_process.hpp"

namespace prefork::test {
namespace {

using fakes::proxy_v2;
using fakes::proxy_v2_of;
using fakes::tlv;
using testing::HasSubstr;
using testing::StartsWith;

const std::string of_client = "PROXY TCP4 192.0.2.1 198.51.100.2 40112 443\r\n";
const std::string other_host("\xC0\x00\x02\x07", 4);

// It greets, and answers with what it knows of the client.
void greet(Server& server) {
  server.framing(Framing::lines());
  server.on_connect([](Connection& c) {
    const ProxyHeader* const header = c.proxy_header();
    if (header == nullptr) return c.send({"hello ", c.peer()});
    const auto host = proxy_tlv(header->tlvs, proxy_tlv_authority);
    c.send({"hello ", c.peer(), " at ", header->destination, ", version ", std::to_string(header->version),
            header->is_local ? ", local" : "", host ? ", host " : "", host.value_or("")});
  });
  server.on_message([](Connection& c, std::string_view line) {
    c.send({c.peer(), ": ", line, c.proxy_header() != nullptr ? " with a header" : ""});
  });
}

class ProxyTest : public testing::Test {
 protected:
  Start start(const std::string& settings, std::function<void(Server&)> setup = greet) {
    return Start{
        {listener_.fd.get()}, {{"PREFORK_SETTINGS", settings}}, std::move(setup), [this] { output_.become_stderr(); }};
  }
  Listener listener_;
  Output output_;
};

TEST_F(ProxyTest, tells_who_the_client_is) {
  const ServerProcess worker(start(R"({"proxy_protocol": "require"})"));
  TestClient first(listener_.address);
  first.send(of_client + "one\n");
  EXPECT_EQ(first.line(), "hello 192.0.2.1:40112 at 198.51.100.2:443, version 1");
  EXPECT_EQ(first.line(), "192.0.2.1:40112: one");
  TestClient second(listener_.address);
  second.send(proxy_v2_of(other_host, 7, tlv(proxy_tlv_authority, "example.org")));
  EXPECT_EQ(second.line(), "hello 192.0.2.7:7 at 198.51.100.2:443, version 2, host example.org");
  TestClient check(listener_.address);
  check.send(proxy_v2(std::string("\x20\x00", 2), ""));
  EXPECT_THAT(check.line(), StartsWith("hello 127.0.0.1:"));
}

TEST_F(ProxyTest, header_may_come_in_pieces_before_the_server_speaks) {
  const ServerProcess worker(start(R"({"proxy_protocol": "require"})"));
  TestClient client(listener_.address);
  for (const char byte : of_client.substr(0, of_client.size() - 1)) {
    client.send({&byte, 1});
    EXPECT_FALSE(wait_for(client.fd(), POLLIN, std::chrono::milliseconds(1)));
  }
  client.send("\nrest\n");
  EXPECT_THAT(client.line(), StartsWith("hello 192.0.2.1:40112"));
  EXPECT_EQ(client.line(), "192.0.2.1:40112: rest");
}

TEST_F(ProxyTest, that_is_required_and_says_nothing_is_told_in_the_log) {
  const auto setup = [](Server& server) {
    greet(server);
    server.on_close([](Connection&, CloseReason) { log(LogLevel::info, "on_close"); });
  };
  ServerProcess worker(start(R"({"proxy_protocol": "require"})", setup));
  TestClient direct(listener_.address);
  direct.send("hello\n");
  EXPECT_EQ(direct.rest(), "<eof>");
  EXPECT_EQ(worker.terminate(), 0);
  const std::string log = output_.text();
  EXPECT_THAT(log, HasSubstr("connection of 127.0.0.1:"));
  EXPECT_THAT(log, HasSubstr("instead of a header of the PROXY protocol it has sent something else"));
  EXPECT_THAT(log, testing::Not(HasSubstr("on_close"))) << "on_connect did not run either";
}

TEST_F(ProxyTest, that_is_accepted_may_be_absent) {
  const ServerProcess worker(start(R"({"proxy_protocol": "accept"})"));
  TestClient direct(listener_.address);
  direct.send("PROX\n");
  EXPECT_THAT(direct.line(), StartsWith("hello 127.0.0.1:"));
  EXPECT_THAT(direct.line(), HasSubstr(": PROX"));
  TestClient proxied(listener_.address);
  proxied.send(of_client);
  EXPECT_THAT(proxied.line(), StartsWith("hello 192.0.2.1:40112"));
}

TEST_F(ProxyTest, is_believed_only_from_trusted_hosts) {
  ServerProcess strict(start(R"({"proxy_protocol": "require", "trusted_proxies": ["10.0.0.0/8"]})"));
  EXPECT_THAT(TestClient(listener_.address).rest(), testing::AnyOf("<eof>", "<reset>"));
  EXPECT_EQ(strict.terminate(), 0);
  EXPECT_THAT(output_.text(), HasSubstr("refused: it is not of trusted_proxies"));
  const ServerProcess open(start(R"({"proxy_protocol": "accept", "trusted_proxies": ["10.0.0.0/8"]})"));
  TestClient liar(listener_.address);
  EXPECT_THAT(liar.line(), StartsWith("hello 127.0.0.1:")) << "the server need not wait for a header";
  liar.send(of_client);
  EXPECT_THAT(liar.line(), HasSubstr(": PROXY TCP4 192.0.2.1"));
}

TEST_F(ProxyTest, is_off_unless_the_settings_say_otherwise) {
  const ServerProcess worker(start("{}"));
  TestClient client(listener_.address);
  EXPECT_THAT(client.line(), StartsWith("hello 127.0.0.1:"));
}

TEST_F(ProxyTest, limits_per_peer_are_for_the_clients_behind_it) {
  const ServerProcess worker(start(R"({"proxy_protocol": "require", "max_connections_per_peer": 1})"));
  TestClient first(listener_.address);
  first.send(of_client);
  EXPECT_THAT(first.line(), StartsWith("hello"));
  TestClient other(listener_.address);
  other.send(proxy_v2_of(other_host, 7));
  EXPECT_THAT(other.line(), StartsWith("hello 192.0.2.7"));
  TestClient again(listener_.address);
  again.send(of_client);
  EXPECT_EQ(again.rest(), "<eof>");
  first.close();
  for (;;) {  // until the worker has seen its end
    TestClient next(listener_.address);
    next.send(of_client);
    if (next.line() != "<eof>") break;
  }
}

TEST_F(ProxyTest, may_be_in_front_of_one_of_several_sockets) {
  const Listener local;
  const Start both{{listener_.fd.get(), local.fd.get()},
                   {{"LISTEN_FDNAMES", "web:local"}, {"PREFORK_SETTINGS", R"({"proxy_protocol": {"web": "require"}})"}},
                   greet,
                   {}};
  const ServerProcess worker(both);
  EXPECT_THAT(TestClient(local.address).line(), StartsWith("hello 127.0.0.1:"));
  TestClient proxied(listener_.address);
  proxied.send(of_client);
  EXPECT_THAT(proxied.line(), StartsWith("hello 192.0.2.1:"));
}

TEST_F(ProxyTest, for_a_socket_that_is_not_there_is_an_error) {
  ServerProcess worker(start(R"({"proxy_protocol": {"wbe": "require"}})"));
  EXPECT_EQ(worker.wait(), 78);
  EXPECT_THAT(output_.text(), HasSubstr("settings.proxy_protocol.wbe: no listening socket has this name"));
}

TEST_F(ProxyTest, header_that_comes_during_a_drain_is_waited_for) {
  ServerProcess worker(start(R"({"proxy_protocol": "require", "first_message_grace": "1min"})"));
  TestClient client(listener_.address);
  TestClient heard(listener_.address);
  heard.send(of_client);
  EXPECT_THAT(heard.line(), StartsWith("hello"));  // so the worker has accepted the other one, too
  worker.signal(SIGTERM);
  heard.send("x\n");
  EXPECT_THAT(heard.line(), HasSubstr(": x"));
  EXPECT_EQ(heard.rest(), "<eof>");
  client.send(of_client + "late\n");
  EXPECT_THAT(client.line(), StartsWith("hello 192.0.2.1"));
  EXPECT_EQ(client.line(), "192.0.2.1:40112: late");
  EXPECT_EQ(worker.wait(), 0);
}

TEST(Proxy, that_sends_no_header_counts_as_a_silent_client) {
  VirtualServer server(Limits().proxy_protocol(ProxyProtocol::require).first_message_timeout(std::chrono::seconds(2)),
                       Framing::lines());
  server.peer = preforkd::parse_address("127.0.0.1:1").value().storage;
  const auto counted = [&server](CloseReason reason) {
    return server.stats.closes_by_reason.at(static_cast<std::size_t>(reason)).load();
  };
  static_cast<void>(server.connect());
  const int half = server.connect();
  server.say(half, "PROXY ");
  server.pass(std::chrono::seconds(3));
  EXPECT_THAT(server.closed, testing::IsEmpty()) << "on_connect did not run";
  EXPECT_EQ(counted(CloseReason::first_message_timeout), 1U);
  server.pass(std::chrono::seconds(30));
  EXPECT_EQ(counted(CloseReason::message_timeout), 1U);
  EXPECT_EQ(server.path.connections(), 0U);
}

TEST(Proxy, has_no_part_in_where_a_connection_goes) {
  const Listener listener;
  const std::vector<std::pair<std::string, std::string>> settings{
      {"PREFORK_SETTINGS", R"({"proxy_protocol": "require", "first_message_grace": "1ms"})"}};
  const auto tell_peer = [](Server& server) {
    server.on_message([](Connection& c, std::string_view) { c.send(c.peer()); });
  };
  Worker first(listener, "first", tell_peer, settings);
  first.expect<control::Hello>();
  TestClient client(listener.address);
  client.send(of_client + "who\n");
  EXPECT_EQ(client.line(), "192.0.2.1:40112");
  TestClient silent(listener.address);
  client.send("who\n");
  EXPECT_EQ(client.line(), "192.0.2.1:40112");
  Worker second(listener, "second", tell_peer, settings);
  second.expect<control::Hello>();
  introduce(first, second);
  EXPECT_EQ(first.process().terminate(), 0);
  EXPECT_EQ(first.expect<control::Gave>().moved, 1U) << "nobody knows yet whose connection the silent one is";
  client.send("who\n");
  EXPECT_EQ(client.line(), "192.0.2.1:40112");
  // A keeper knows it, too.
  await_rest(second);
  Worker third(listener, "third", tell_peer, settings);
  third.expect<control::Hello>();
  second.process().signal(SIGKILL);
  EXPECT_EQ(second.expect<control::Seeks>().connections, 1U);
  introduce(second, third);
  client.send("who\n");
  EXPECT_EQ(client.line(), "192.0.2.1:40112");
}

}  // namespace
}  // namespace prefork::test
