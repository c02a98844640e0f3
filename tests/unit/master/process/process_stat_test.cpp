// SPDX-License-Identifier: MIT
#include "master/process/process_stat.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace preforkd {
namespace {

TEST(ProcessStatTest, reads_a_name_that_holds_anything) {
  const auto stat = parse_process_stat("12 (a) S 9 (b) S 1 12 7 0 -1 4194560 1 0 0 0 2 3 4 5 20 0 1 0 8812345 1 2 3");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->name, "a) S 9 (b");
  EXPECT_EQ(stat->session, 7);
  EXPECT_EQ(stat->started, 8812345U);
  EXPECT_TRUE(stat->lives());
}

TEST(ProcessStatTest, a_zombie_does_not_live) {
  EXPECT_FALSE(parse_process_stat("12 (a) Z 1 12 7 0 -1 4194560 1 0 0 0 2 3 4 5 20 0 1 0 8812345 1 2 3")->lives());
}

TEST(ProcessStatTest, refuses_what_is_cut_off) {
  EXPECT_FALSE(parse_process_stat(""));
  EXPECT_FALSE(parse_process_stat("12 (a"));
  EXPECT_FALSE(parse_process_stat("12 )a("));
  EXPECT_FALSE(parse_process_stat("12 (a) S 1 12 7 0 -1"));
}

TEST(ProcessStatTest, knows_this_process) {
  const auto stat = process_stat(getpid());
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->session, getsid(0));
  EXPECT_FALSE(process_stat(0));
}

}  // namespace
}  // namespace preforkd
