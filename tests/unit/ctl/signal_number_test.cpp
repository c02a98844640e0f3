// SPDX-License-Identifier: MIT
#include "ctl/signal_number.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace preforkd::ctl {
namespace {

TEST(SignalNumber, is_read_from_names_and_numbers) {
  EXPECT_EQ(parse_signal("SIGTERM"), SIGTERM);
  EXPECT_EQ(parse_signal("usr1"), SIGUSR1);
  EXPECT_EQ(parse_signal("9"), SIGKILL);
  EXPECT_EQ(parse_signal("RTMIN"), SIGRTMIN);
  EXPECT_EQ(parse_signal("SIGRTMIN+3"), SIGRTMIN + 3);
}

TEST(SignalNumber, of_what_is_none_is_refused) {
  for (const char* const text : {"", "SIG", "0", "65", "-1", "09", "TERM ", "RTMIN+99"}) {
    EXPECT_FALSE(parse_signal(text)) << text;
  }
  EXPECT_THAT(parse_signal("SIGTREM").error(), testing::HasSubstr("did you mean SIGTERM?"));
}

TEST(SignalNumber, has_a_text) {
  EXPECT_EQ(signal_text(SIGKILL), "SIGKILL");
  EXPECT_EQ(signal_text(SIGRTMIN + 2), "SIGRTMIN+2");
  EXPECT_EQ(signal_text(99), "signal 99");
}

}  // namespace
}  // namespace preforkd::ctl
