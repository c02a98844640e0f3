// SPDX-License-Identifier: MIT
#include <prefork/close_reason.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "wire/stats_page.hpp"

namespace {

using prefork::CloseReason;

constexpr unsigned reasons = static_cast<unsigned>(CloseReason::out_of_memory) + 1;

TEST(CloseReason, EachHasANameOfItsOwnFitForALogAndAMetric) {
  std::set<std::string> names;
  for (unsigned i = 0; i < reasons; ++i) {
    const std::string name(to_string(static_cast<CloseReason>(i)));
    EXPECT_NE(name, "unknown") << i;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string::npos) << name;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(to_string(CloseReason::peer_closed), "peer-closed");
  EXPECT_EQ(to_string(CloseReason::message_too_long), "message-too-long");
}

TEST(CloseReason, AValueOfANewerLibraryIsUnknown) {
  EXPECT_EQ(to_string(static_cast<CloseReason>(reasons)), "unknown");
}

TEST(CloseReason, TheStatsPageHasASlotForEach) { EXPECT_LE(reasons, preforkd::close_reason_slots); }

}  // namespace
