// SPDX-License-Identifier: MIT
#include "base/signal_name.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace preforkd {
namespace {

TEST(SignalName, reads_names_and_numbers) {
  EXPECT_EQ(parse_signal("SIGTERM"), SIGTERM);
  EXPECT_EQ(parse_signal("TERM"), SIGTERM);
  EXPECT_EQ(parse_signal("sigint"), SIGINT);
  EXPECT_EQ(parse_signal("15"), SIGTERM);
  EXPECT_EQ(parse_signal("WINCH"), SIGWINCH);
  EXPECT_EQ(parse_signal("SIGRTMIN"), SIGRTMIN);
  EXPECT_EQ(parse_signal("SIGRTMIN+3"), SIGRTMIN + 3);
  EXPECT_EQ(parse_signal("RTMAX-1"), SIGRTMAX - 1);
}

TEST(SignalName, refuses_what_is_no_signal) {
  EXPECT_EQ(parse_signal("SIGTREM").error().text, "is not a signal; did you mean \"SIGTERM\"?");
  EXPECT_EQ(parse_signal("x").error().text, "is not a signal; write a name as in signal(7), for instance \"SIGTERM\"");
  for (const char* const text :
       {"", "SIG", "0", "-1", "65", "33", "1x", " TERM", "99999999999", "RTMIN+99", "RTMIN-1"}) {
    EXPECT_FALSE(parse_signal(text)) << text;
  }
}

TEST(SignalName, what_is_written_is_read_again) {
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    if (signal >= 32 && signal < SIGRTMIN) continue;  // the C library's own
    const Result<int> read = parse_signal(signal_name(signal));
    ASSERT_TRUE(read) << signal << ": " << read.error().text;
    EXPECT_EQ(*read, signal);
  }
  EXPECT_EQ(signal_text(SIGKILL), "signal 9 (SIGKILL)");
  EXPECT_EQ(signal_text(SIGRTMIN + 2), "signal " + std::to_string(SIGRTMIN + 2) + " (SIGRTMIN+2)");
  EXPECT_EQ(signal_text(32), "signal 32");
}

}  // namespace
}  // namespace preforkd
