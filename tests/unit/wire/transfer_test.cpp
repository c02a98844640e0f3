// SPDX-License-Identifier: MIT
#include "wire/transfer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace preforkd::transfer {
namespace {

std::string packet(const Connection& connection, std::size_t payload) {
  return std::string(bytes_of(connection)) + std::string(payload, 'p');
}

TEST(Transfer, a_connection_comes_back_as_it_was_sent) {
  Connection sent{.serial = 9, .listener_bytes = 4, .state_bytes = 3, .input_bytes = 2, .output_bytes = 1};
  sent.heard = 1;
  sent.input_since = 123;
  sent.peer[23] = 77;
  const auto read = read_connection(packet(sent, 10));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->serial, 9U);
  EXPECT_EQ(read->payload_bytes(), 10U);
  EXPECT_EQ(read->heard, 1U);
  EXPECT_EQ(read->input_since, 123);
  EXPECT_EQ(read->peer[23], 77U);
}

TEST(Transfer, a_connection_with_impossible_lengths_is_none) {
  EXPECT_TRUE(read_connection(packet({.input_bytes = 5}, 5)));
  EXPECT_TRUE(read_connection(packet({.input_bytes = 5}, 0))) << "more packets follow";
  EXPECT_FALSE(read_connection(packet({.input_bytes = 5}, 6)));
  EXPECT_FALSE(read_connection(packet({.input_bytes = static_cast<std::uint32_t>(max_payload_bytes) + 1}, 0)));
  EXPECT_FALSE(read_connection(packet({.state_bytes = ~0U, .input_bytes = ~0U, .output_bytes = ~0U}, 0)));
  EXPECT_FALSE(read_connection(std::string(bytes_of(Connection{})).substr(1)));
  EXPECT_FALSE(read_connection(""));
}

TEST(Transfer, an_amendment_comes_back_as_it_was_sent) {
  const Amendment sent{.serial = 9, .state_version = 5, .state_bytes = 3, .output_bytes = 1, .keeps = 1, .closes = 1};
  const std::string head(bytes_of(sent));
  const auto read = read_amendment(head + "stat");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->serial, 9U);
  EXPECT_EQ(read->state_version, 5U);
  EXPECT_EQ(read->payload_bytes(), 4U);
  EXPECT_TRUE(read_amendment(head)) << "more packets follow";
  EXPECT_FALSE(read_amendment(head + "state"));
  EXPECT_FALSE(read_connection(head + std::string(100, '\0')));
}

TEST(Transfer, a_packet_of_another_type_is_none) {
  const std::string answer(bytes_of(Answer{.type = Type::refused, .serial = 4, .refusal = Refusal::leaving}));
  ASSERT_TRUE(read_answer(answer));
  EXPECT_EQ(read_answer(answer)->refusal, Refusal::leaving);
  EXPECT_FALSE(read_more(answer));
  EXPECT_TRUE(read_more(std::string(bytes_of(More{.serial = 1})) + "bytes"));
  EXPECT_FALSE(read_answer(std::string(bytes_of(More{})) + "12345678"));
  EXPECT_FALSE(read_connection(std::string(200, 'x')));
}

}  // namespace
}  // namespace preforkd::transfer
