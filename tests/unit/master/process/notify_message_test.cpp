// SPDX-License-Identifier: MIT
#include "master/process/notify_message.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace preforkd {
namespace {

using std::chrono::microseconds;

NotifyMessage parsed(std::string_view datagram) {
  const Result<NotifyMessage> message = parse_notify_message(datagram);
  EXPECT_TRUE(message) << message.error().text;
  return message.value_or(NotifyMessage{});
}

TEST(NotifyMessage, reads_every_name_of_the_contract) {
  const NotifyMessage message = parsed(
      "READY=1\nSTOPPING=1\nWATCHDOG=1\nSTATUS=3 connections\nWATCHDOG_USEC=2000000\n"
      "EXTEND_TIMEOUT_USEC=500\nERRNO=2\n");
  EXPECT_TRUE(message.ready);
  EXPECT_TRUE(message.stopping);
  EXPECT_TRUE(message.alive);
  EXPECT_FALSE(message.watchdog_trigger);
  EXPECT_EQ(message.status, "3 connections");
  EXPECT_EQ(message.watchdog, microseconds(2000000));
  EXPECT_EQ(message.extend_timeout, microseconds(500));
  EXPECT_EQ(message.error, 2);
}

TEST(NotifyMessage, reads_the_watchdog_trigger) {
  const NotifyMessage message = parsed("WATCHDOG=trigger");
  EXPECT_TRUE(message.watchdog_trigger);
  EXPECT_FALSE(message.alive);
}

TEST(NotifyMessage, ignores_names_that_it_does_not_know) {
  const NotifyMessage message = parsed("RELOADING=1\nMAINPID=1\nFDSTORE=1\nX_MINE=y\nREADYX=1\nREADY=1");
  EXPECT_TRUE(message.ready);
  EXPECT_FALSE(message.stopping);
}

TEST(NotifyMessage, ignores_values_that_make_no_sense) {
  const NotifyMessage message = parsed(
      "READY=0\nSTOPPING=yes\nWATCHDOG=2\nWATCHDOG_USEC=-5\nEXTEND_TIMEOUT_USEC=99999999999999999999\nERRNO=0x2");
  EXPECT_FALSE(message.ready);
  EXPECT_FALSE(message.stopping);
  EXPECT_FALSE(message.alive);
  EXPECT_FALSE(message.watchdog);
  EXPECT_FALSE(message.extend_timeout);
  EXPECT_FALSE(message.error);
  EXPECT_EQ(parsed("WATCHDOG_USEC=0").watchdog, microseconds(0));
  EXPECT_FALSE(parsed("EXTEND_TIMEOUT_USEC=0").extend_timeout);
  EXPECT_FALSE(parsed("WATCHDOG_USEC=18446744073709551615").watchdog);
  EXPECT_FALSE(parsed("WATCHDOG_USEC=1 ").watchdog);
  EXPECT_FALSE(parsed("ERRNO=-1").error);
  EXPECT_FALSE(parsed("ERRNO=4096").error);
}

TEST(NotifyMessage, keeps_a_status_to_one_limited_line) {
  EXPECT_EQ(parsed("STATUS=").status, "");
  EXPECT_EQ(parsed("STATUS=a\tb\x1b[31m").status, "a\\tb\\x1b[31m");
  EXPECT_EQ(parsed("STATUS=a=b").status, "a=b");
  EXPECT_LT(parsed("STATUS=" + std::string(4000, 's')).status->size(), max_status_bytes + 20);
}

TEST(NotifyMessage, takes_the_last_of_a_repeated_name) { EXPECT_EQ(parsed("STATUS=one\nSTATUS=two").status, "two"); }

TEST(NotifyMessage, allows_one_nul_at_the_end_only) {
  using namespace std::string_view_literals;
  EXPECT_TRUE(parsed("READY=1\0"sv).ready);
  EXPECT_FALSE(parse_notify_message("READY=1\0\0"sv));
  EXPECT_FALSE(parse_notify_message("READY=1\0STATUS=x"sv));
}

TEST(NotifyMessage, refuses_what_is_no_message) {
  EXPECT_FALSE(parse_notify_message(""));
  EXPECT_FALSE(parse_notify_message("\n\n"));
  EXPECT_FALSE(parse_notify_message("READY"));
  EXPECT_FALSE(parse_notify_message("=1"));
  EXPECT_FALSE(parse_notify_message("\xff\xfe\x80"));
}

TEST(NotifyMessage, refuses_one_byte_more_than_the_limit) {
  const std::string most = "READY=1\nX=" + std::string(max_notify_bytes - 10, 'x');
  ASSERT_EQ(most.size(), max_notify_bytes);
  EXPECT_TRUE(parsed(most).ready);
  EXPECT_FALSE(parse_notify_message(most + "x"));
}

}  // namespace
}  // namespace preforkd
