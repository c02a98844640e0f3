// SPDX-License-Identifier: MIT
#include "client/bench/loopback_sources.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <cstring>
#include <set>
#include <string>

#include "base/address.hpp"
#include "client/base/clock.hpp"
#include "client/base/connect.hpp"
#include "unit/client/line_server.hpp"

namespace preforkd::client {
namespace {

using namespace std::chrono_literals;

std::string text_of(const sockaddr_storage& storage) {
  sockaddr_in name{};
  std::memcpy(&name, &storage, sizeof name);
  char text[INET_ADDRSTRLEN]{};
  inet_ntop(AF_INET, &name.sin_addr, text, sizeof text);
  return text;
}

TEST(LoopbackSourcesTest, are_this_hosts_and_all_different) {
  LoopbackSources sources(*parse_address("127.0.0.1:9505"));
  std::set<std::string> seen;
  for (int i = 0; i < 254; ++i) seen.insert(text_of(sources.next()->storage));
  EXPECT_EQ(seen.size(), 254U);
  EXPECT_EQ(seen.count("127.0.1.1"), 1U);
  EXPECT_EQ(seen.count("127.0.1.254"), 1U);
  EXPECT_EQ(text_of(sources.next()->storage), "127.0.1.1");
}

TEST(LoopbackSourcesTest, are_for_this_host_only) {
  for (const char* const target : {"192.0.2.1:80", "[::1]:80", "/run/x.sock"}) {
    EXPECT_FALSE(LoopbackSources(*parse_address(target)).next()) << target;
  }
}

TEST(LoopbackSourcesTest, are_what_the_server_sees) {
  std::string seen;
  {
    const LineServer server([&](int connection, unsigned) {
      sockaddr_storage peer{};
      socklen_t length = sizeof peer;
      getpeername(connection, reinterpret_cast<sockaddr*>(&peer), &length);
      seen = text_of(peer);
    });
    const Address target = *parse_address(server.address());
    LoopbackSources sources(target);
    const ConnectAttempt attempt = begin_connect(target, sources.next());
    EXPECT_TRUE(attempt.error == 0 || attempt.error == EINPROGRESS) << std::strerror(attempt.error);
    pollfd closed{attempt.socket.get(), POLLRDHUP, 0};
    EXPECT_EQ(poll(&closed, 1, 20'000), 1);
  }
  EXPECT_EQ(seen, "127.0.1.1");
}

}  // namespace
}  // namespace preforkd::client
