// SPDX-License-Identifier: MIT
#include "config/values/pool_name.hpp"

#include <string>

#include <gtest/gtest.h>

namespace preforkd {
namespace {

TEST(PoolName, is_a_letter_and_up_to_62_letters_digits_underscores_and_hyphens) {
  for (const char* good : {"a", "Z", "web-2_b"}) EXPECT_TRUE(is_pool_name(good)) << good;
  for (const char* bad : {"", "2", "_a", "-a", "a.b", "a b", "ä"}) EXPECT_FALSE(is_pool_name(bad)) << bad;
  EXPECT_TRUE(is_pool_name(std::string(63, 'a')));
  EXPECT_FALSE(is_pool_name(std::string(64, 'a')));
}

TEST(PoolName, is_made_from_any_text) {
  EXPECT_EQ(nearest_pool_name("echo"), "echo");
  EXPECT_EQ(nearest_pool_name("my server.py"), "my_server_py");
  EXPECT_EQ(nearest_pool_name("7zip"), "pool_7zip");
  EXPECT_EQ(nearest_pool_name(""), "pool_");
  EXPECT_EQ(nearest_pool_name(std::string(100, 'a')), std::string(63, 'a'));
  EXPECT_EQ(nearest_pool_name(std::string(100, '7')), "pool_" + std::string(58, '7'));
}

}  // namespace
}  // namespace preforkd
