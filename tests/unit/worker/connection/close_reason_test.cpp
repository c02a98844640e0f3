// SPDX-License-Identifier: MIT
#include <prefork/close_reason.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "wire/stats_page.hpp"

namespace {

using prefork::CloseReason;

constexpr unsigned reasons = static_cast<unsigned>(CloseReason::peer_limit) + 1;

TEST(CloseReason, each_has_a_name_of_its_own_fit_for_a_log_and_a_metric) {
  std::set<std::string> names;
  for (unsigned i = 0; i < reasons; ++i) {
    const std::string name(to_string(static_cast<CloseReason>(i)));
    EXPECT_NE(name, "unknown") << i;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string::npos) << name;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

TEST(CloseReason, each_is_called_as_in_the_header) {
  EXPECT_EQ(to_string(CloseReason::peer_closed), "peer-closed");
  EXPECT_EQ(to_string(CloseReason::unfinished_message), "unfinished-message");
  EXPECT_EQ(to_string(CloseReason::peer_reset), "peer-reset");
  EXPECT_EQ(to_string(CloseReason::closed_by_server), "closed-by-server");
  EXPECT_EQ(to_string(CloseReason::message_too_long), "message-too-long");
  EXPECT_EQ(to_string(CloseReason::idle_timeout), "idle-timeout");
  EXPECT_EQ(to_string(CloseReason::message_timeout), "message-timeout");
  EXPECT_EQ(to_string(CloseReason::write_timeout), "write-timeout");
  EXPECT_EQ(to_string(CloseReason::handler_failed), "handler-failed");
  EXPECT_EQ(to_string(CloseReason::drained), "drained");
  EXPECT_EQ(to_string(CloseReason::drain_timeout), "drain-timeout");
  EXPECT_EQ(to_string(CloseReason::out_of_memory), "out-of-memory");
  EXPECT_EQ(to_string(CloseReason::first_message_timeout), "first-message-timeout");
  EXPECT_EQ(to_string(CloseReason::reply_timeout), "reply-timeout");
  EXPECT_EQ(to_string(CloseReason::output_limit), "output-limit");
  EXPECT_EQ(to_string(CloseReason::input_limit), "input-limit");
  EXPECT_EQ(to_string(CloseReason::reply_too_long), "reply-too-long");
  EXPECT_EQ(to_string(CloseReason::bad_message), "bad-message");
  EXPECT_EQ(to_string(CloseReason::handed_over), "handed-over");
}

TEST(CloseReason, a_value_of_a_newer_library_is_unknown) {
  EXPECT_EQ(to_string(static_cast<CloseReason>(reasons)), "unknown");
}

TEST(CloseReason, the_stats_page_has_a_slot_for_each) { EXPECT_LE(reasons, preforkd::close_reason_slots); }

}  // namespace
