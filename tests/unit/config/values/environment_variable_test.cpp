// SPDX-License-Identifier: MIT
#include "config/values/environment_variable.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

TEST(EnvironmentName, follows_the_shell) {
  for (const char* const name : {"A", "_", "a_B9"}) EXPECT_TRUE(is_environment_name(name)) << name;
  for (const char* const name : {"", "9", "A-B", "A B", "Ä", "A="}) EXPECT_FALSE(is_environment_name(name)) << name;
}

}  // namespace
}  // namespace preforkd
