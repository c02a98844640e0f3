// SPDX-License-Identifier: MIT
#include "wire/control_message.hpp"

#include <gtest/gtest.h>

#include <string>
#include <variant>

namespace preforkd::control {
namespace {

TEST(ControlMessage, comes_back_as_it_was_sent) {
  const auto hello = std::get<Hello>(*decode(encode(Hello{.protocol = 7, .framing = 0x123456789ABCDEF0}).view()));
  EXPECT_EQ(hello.protocol, 7U);
  EXPECT_EQ(hello.framing, 0x123456789ABCDEF0U);
  EXPECT_EQ(std::get<Seeks>(*decode(encode(Seeks{300}).view())).connections, 300U);
  const auto gave = std::get<Gave>(
      *decode(encode(Gave{.moved = 297, .closed = 2, .refused = {1, 0, 0, 0, 5}, .by_keeper = 1}).view()));
  EXPECT_EQ(gave.moved, 297U);
  EXPECT_EQ(gave.refused, (transfer::RefusalCounts{1, 0, 0, 0, 5}));
  EXPECT_EQ(gave.closed, 2U);
  EXPECT_EQ(std::get<Give>(*decode(encode(Give{.max = 5}).view())).max, 5U);
  EXPECT_TRUE(std::holds_alternative<Take>(*decode(encode(Take{}).view())));
  EXPECT_TRUE(std::holds_alternative<NoTaker>(*decode(encode(NoTaker{}).view())));
  EXPECT_EQ(std::get<Talks>(*decode(encode(Talks{3}).view())).protocol, 3U);
  const auto meet = std::get<Meet>(*decode(encode(Meet{.id = 9, .slot = 2, .generation = 4, .pid = 77}).view()));
  EXPECT_EQ(meet.id, 9U);
  EXPECT_EQ(meet.slot, 2U);
  EXPECT_EQ(meet.generation, 4U);
  EXPECT_EQ(meet.pid, 77);
}

TEST(ControlMessage, of_a_newer_program_may_have_more_fields) {
  const std::string longer = std::string(encode(Seeks{3}).view()) + "more";
  EXPECT_EQ(std::get<Seeks>(*decode(longer)).connections, 3U);
}

TEST(ControlMessage, of_unknown_type_or_too_short_is_none) {
  EXPECT_FALSE(decode(""));
  EXPECT_FALSE(decode(std::string(64, '\xFF')));
  const std::string hello(encode(Hello{}).view());
  for (std::size_t size = 0; size < hello.size(); ++size) EXPECT_FALSE(decode(hello.substr(0, size))) << size;
}

TEST(ControlMessage, of_unknown_type_differs_from_a_broken_one) {
  EXPECT_TRUE(has_unknown_type(std::string(64, '\xFF')));
  const std::string hello(encode(Hello{}).view());
  for (std::size_t size = 0; size <= hello.size(); ++size)
    EXPECT_FALSE(has_unknown_type(hello.substr(0, size))) << size;
}

}  // namespace
}  // namespace preforkd::control
