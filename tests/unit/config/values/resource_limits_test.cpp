// SPDX-License-Identifier: MIT
#include "config/values/resource_limits.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

TEST(ResourceLimit, is_shown_with_both_bounds) {
  EXPECT_EQ(to_string(ResourceLimit{RLIMIT_NOFILE, 1024, 65536}), "1024:65536");
  EXPECT_EQ(to_string(ResourceLimit{RLIMIT_CORE, 0, RLIM_INFINITY}), "0:infinity");
}

}  // namespace
}  // namespace preforkd
