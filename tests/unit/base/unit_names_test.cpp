// SPDX-License-Identifier: MIT
#include "base/unit_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace preforkd {
namespace {

using ::testing::ElementsAre;

TEST(UnitNames, are_those_of_the_templates) {
  EXPECT_EQ(service_unit("web"), "preforkd@web.service");
  EXPECT_EQ(first_socket_unit("web"), "preforkd@web.socket");
  EXPECT_EQ(further_socket_unit("web", 12), "preforkd-web-12.socket");
  EXPECT_THAT(socket_unit_patterns("web"), ElementsAre("preforkd@web.socket", "preforkd-web-*.socket"));
}

TEST(UnitNames, say_their_pool) {
  for (const char* const unit : {"preforkd@web.service", "preforkd@web.socket", "preforkd@web"})
    EXPECT_EQ(pool_of_unit(unit), "web") << unit;
  for (const char* const other : {"web", "web.service", "preforkd-web-2.socket", "sshd@web.service", ""})
    EXPECT_EQ(pool_of_unit(other), std::nullopt) << other;
}

TEST(UnitNames, sockets_are_of_one_pool_alone) {
  EXPECT_TRUE(is_socket_unit_of("web", "preforkd@web.socket"));
  EXPECT_TRUE(is_socket_unit_of("web", "preforkd-web-12.socket"));
  EXPECT_TRUE(is_socket_unit_of("web-2", "preforkd-web-2-3.socket"));
  for (const char* const other : {"preforkd-web-2-3.socket", "preforkd@web-2.socket", "preforkd-web-.socket",
                                  "preforkd-web-2.service", "preforkd-web-a-2.socket", "preforkd-webs-2.socket", ""})
    EXPECT_FALSE(is_socket_unit_of("web", other)) << other;
}

}  // namespace
}  // namespace preforkd
