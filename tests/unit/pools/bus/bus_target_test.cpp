// SPDX-License-Identifier: MIT
#include "pools/bus/bus_target.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

using Kind = BusTarget::Kind;

TEST(BusTarget, is_of_this_machine_unless_it_is_of_a_host_or_machine) {
  for (const BusTarget& target : {BusTarget{}, {Kind::local, true, ""}, {Kind::address, false, "unix:path=/bus"}})
    EXPECT_TRUE(target.is_this_machine()) << describe(target);
  for (const BusTarget& target : {BusTarget{Kind::host, false, "web"}, {Kind::machine, true, "web"}})
    EXPECT_FALSE(target.is_this_machine()) << describe(target);
}

TEST(BusTarget, is_the_local_system_bus_by_default_only) {
  EXPECT_TRUE(BusTarget{}.is_local_system());
  for (const BusTarget& target : {BusTarget{Kind::local, true, ""},
                                  {Kind::address, false, "unix:path=/bus"},
                                  {Kind::host, false, "web"},
                                  {Kind::machine, false, "web"}})
    EXPECT_FALSE(target.is_local_system()) << describe(target);
}

}  // namespace
}  // namespace preforkd
