// SPDX-License-Identifier: MIT
#include "base/socket_unit.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

TEST(SocketUnit, IsOfOnePoolAlone) {
  EXPECT_TRUE(is_socket_unit_of("web", "preforkd@web.socket"));
  EXPECT_TRUE(is_socket_unit_of("web", "preforkd-web-12.socket"));
  EXPECT_TRUE(is_socket_unit_of("web-2", "preforkd-web-2-3.socket"));
  for (const char* const other : {"preforkd-web-2-3.socket", "preforkd@web-2.socket", "preforkd-web-.socket",
                                  "preforkd-web-2.service", "preforkd-web-a-2.socket", "preforkd-webs-2.socket", ""})
    EXPECT_FALSE(is_socket_unit_of("web", other)) << other;
}

}  // namespace
}  // namespace preforkd
