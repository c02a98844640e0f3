// SPDX-License-Identifier: MIT
#include "client/bench/request_pattern.hpp"

#include <gtest/gtest.h>

#include <set>

namespace preforkd::client {
namespace {

std::string request_of(RequestPattern& pattern, std::uint32_t connection, std::uint64_t sequence) {
  std::string out;
  pattern.append_request(out, connection, sequence);
  return out;
}

TEST(RequestPatternTest, makes_lines_of_the_size_asked_for) {
  for (const std::size_t size : {1u, 15u, 16u, 17u, 64u, 65536u}) {
    RequestPattern pattern(size);
    const std::string request = request_of(pattern, 3, 7);
    EXPECT_EQ(request.size(), size + 1);
    EXPECT_EQ(request.find('\n'), size);
    EXPECT_EQ(pattern.reply_size(), size + 11);
  }
}

TEST(RequestPatternTest, tells_requests_apart) {
  RequestPattern pattern(16);
  std::set<std::string> seen;
  for (std::uint32_t connection = 0; connection < 100; ++connection) {
    for (std::uint64_t sequence = 0; sequence < 100; ++sequence) seen.insert(request_of(pattern, connection, sequence));
  }
  EXPECT_EQ(seen.size(), 10000u);
}

TEST(RequestPatternTest, accepts_the_echo_wherever_it_is_cut) {
  RequestPattern pattern(40);
  const std::string reply = "received: " + request_of(pattern, 5, 9);
  for (std::size_t cut = 0; cut <= reply.size(); ++cut) {
    const std::string_view head = std::string_view(reply).substr(0, cut);
    const std::string_view tail = std::string_view(reply).substr(cut);
    EXPECT_EQ(pattern.mismatch(5, 9, 0, head), head.size());
    EXPECT_EQ(pattern.mismatch(5, 9, cut, tail), tail.size());
  }
}

TEST(RequestPatternTest, finds_every_wrong_byte) {
  RequestPattern pattern(40);
  const std::string right = "received: " + request_of(pattern, 5, 9);
  for (std::size_t at = 0; at < right.size(); ++at) {
    std::string wrong = right;
    wrong[at] = static_cast<char>(wrong[at] ^ 1);
    EXPECT_EQ(pattern.mismatch(5, 9, 0, wrong), at);
  }
}

TEST(RequestPatternTest, refuses_the_reply_to_another_request) {
  RequestPattern pattern(16);
  const std::string reply = "received: " + request_of(pattern, 5, 9);
  EXPECT_LT(pattern.mismatch(5, 10, 0, reply), reply.size());
  EXPECT_LT(pattern.mismatch(6, 9, 0, reply), reply.size());
}

}  // namespace
}  // namespace preforkd::client
