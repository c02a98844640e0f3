// SPDX-License-Identifier: MIT
#include "ctl/base/arguments.hpp"

#include <gtest/gtest.h>

#include "ctl/base/command_error.hpp"

namespace preforkd::ctl {
namespace {

TEST(Arguments, a_pools_name_may_be_that_of_its_unit) {
  EXPECT_EQ(pool_argument("echo_2"), "echo_2");
  EXPECT_EQ(pool_argument("preforkd@echo.service"), "echo");
  EXPECT_EQ(pool_argument("preforkd@echo.socket"), "echo");
  EXPECT_EQ(pool_argument("preforkd@echo"), "echo");
  EXPECT_EQ(pool_argument("preforkd@my-app.service"), "my-app");
}

TEST(Arguments, what_is_no_pools_name_never_reaches_the_bus) {
  for (const std::string& text : {std::string(), std::string("2echo"), std::string("-a"), std::string("a.b"),
                                  std::string("a b"), std::string("\xc3\xbc"), std::string(64, 'a')}) {
    EXPECT_THROW((void)pool_argument(text), CommandError) << text;
  }
  EXPECT_EQ(pool_argument(std::string(63, 'a')).size(), 63U);
}

TEST(Arguments, slots_and_numbers_of_workers_are_whole_numbers) {
  EXPECT_EQ(slot_argument("0"), 0U);
  EXPECT_EQ(workers_argument("16"), 16U);
  for (const char* const text : {"", "-1", "+1", "1x", "1.5", "99999999999", " 1"}) {
    EXPECT_THROW((void)slot_argument(text), CommandError) << text;
    EXPECT_THROW((void)workers_argument(text), CommandError) << text;
  }
}

}  // namespace
}  // namespace preforkd::ctl
