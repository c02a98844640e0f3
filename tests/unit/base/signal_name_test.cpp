// SPDX-License-Identifier: MIT
#include "base/signal_name.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace preforkd {
namespace {

TEST(SignalName, ReadsNamesAndNumbers) {
  EXPECT_EQ(parse_signal("SIGTERM"), SIGTERM);
  EXPECT_EQ(parse_signal("TERM"), SIGTERM);
  EXPECT_EQ(parse_signal("sigint"), SIGINT);
  EXPECT_EQ(parse_signal("15"), SIGTERM);
  EXPECT_EQ(parse_signal("WINCH"), SIGWINCH);
  EXPECT_EQ(parse_signal("SIGRTMIN"), SIGRTMIN);
  EXPECT_EQ(parse_signal("SIGRTMIN+3"), SIGRTMIN + 3);
  EXPECT_EQ(parse_signal("RTMAX-1"), SIGRTMAX - 1);
}

TEST(SignalName, RefusesWhatIsNoSignal) {
  EXPECT_EQ(parse_signal("SIGTREM").error(), "is no signal; did you mean \"SIGTERM\"?");
  EXPECT_EQ(parse_signal("x").error(), "is no signal; write a name as in signal(7), for instance \"SIGTERM\"");
  for (const char* const text :
       {"", "SIG", "0", "-1", "65", "33", "1x", " TERM", "99999999999", "RTMIN+99", "RTMIN-1"}) {
    EXPECT_FALSE(parse_signal(text)) << text;
  }
}

}  // namespace
}  // namespace preforkd
