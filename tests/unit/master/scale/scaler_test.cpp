// SPDX-License-Identifier: MIT
#include "master/scale/scaler.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

TEST(ScaleText, has_the_reason_and_the_figures) {
  EXPECT_EQ(to_string(ScaleDecision{.target = 1, .reason = ScaleReason::waiting, .waiting = 1}), "1 client waits");
  EXPECT_EQ(to_string(ScaleDecision{
                .target = 3, .reason = ScaleReason::waiting, .waiting = 5, .busy = 0.42, .over = milliseconds(125)}),
            "5 clients wait, for 125ms so far; the workers were busy for 42 % of the time");
  EXPECT_EQ(to_string(ScaleDecision{.target = 1, .reason = ScaleReason::waiting, .waiting = 1, .or_more = true}),
            "at least 1 client waits");
  EXPECT_EQ(to_string(ScaleDecision{.reason = ScaleReason::full, .over = milliseconds(125)}),
            "every worker has had max_connections for 125ms");
  EXPECT_EQ(to_string(ScaleDecision{.reason = ScaleReason::busy, .busy = 0.914, .over = milliseconds(1000)}),
            "the workers were busy for 91 % of the time in the last 1s");
  EXPECT_EQ(to_string(ScaleDecision{.reason = ScaleReason::quiet, .busy = 0.04, .over = minutes(5)}),
            "fewer were enough for 5min; the workers were busy for 4 % of the time");
  EXPECT_EQ(to_string(ScaleDecision{.reason = ScaleReason::idle, .over = minutes(5)}), "no new client for 5min");
}

}  // namespace
}  // namespace preforkd
