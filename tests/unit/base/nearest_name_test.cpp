// SPDX-License-Identifier: MIT
#include "base/nearest_name.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace preforkd {
namespace {

constexpr auto keys = std::to_array<std::string_view>({"description", "listen", "program", "workers", "ready",
                                                       "start_timeout", "drain_timeout", "restart", "reload", "m"});

TEST(NearestName, finds_a_slip_of_the_pen) {
  EXPECT_EQ(nearest_name("worker", keys), "workers");   // missing letter
  EXPECT_EQ(nearest_name("listten", keys), "listen");   // doubled letter
  EXPECT_EQ(nearest_name("porgram", keys), "program");  // swapped neighbours
  EXPECT_EQ(nearest_name("reaby", keys), "ready");      // another letter
  EXPECT_EQ(nearest_name("start-timeout", keys), "start_timeout");
  EXPECT_EQ(nearest_name("startTimeout", keys), "start_timeout");
}

TEST(NearestName, ignores_letter_case) { EXPECT_EQ(nearest_name("WORKERS", keys), "workers"); }

TEST(NearestName, a_swap_of_neighbours_is_one_step_also_in_a_short_word) {
  constexpr auto names = std::to_array<std::string_view>({"age"});
  EXPECT_EQ(nearest_name("aeg", names), "age");
}

TEST(NearestName, prefers_the_nearer_one) {
  EXPECT_EQ(nearest_name("dran_timeout", keys), "drain_timeout");
  EXPECT_EQ(nearest_name("stat_timeout", keys), "start_timeout");
}

TEST(NearestName, suggests_nothing_that_is_far) {
  EXPECT_EQ(nearest_name("colour", keys), "");
  EXPECT_EQ(nearest_name("", keys), "");
  EXPECT_EQ(nearest_name(std::string(1 << 20, 'w'), keys), "");
  EXPECT_EQ(nearest_name("workers", {}), "");
}

TEST(NearestName, a_third_of_the_length_is_still_near_and_more_is_not) {
  constexpr auto names = std::to_array<std::string_view>({"abcdef"});
  EXPECT_EQ(nearest_name("abcdxy", names), "abcdef");
  EXPECT_EQ(nearest_name("abcxyz", names), "");
}

TEST(NearestName, the_result_is_one_of_the_candidates) {
  EXPECT_EQ(nearest_name("relaod", keys).data(), keys[8].data());
}

}  // namespace
}  // namespace preforkd
