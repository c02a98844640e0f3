// SPDX-License-Identifier: MIT
// The timeouts of a connection, with spans that are short for a test and long enough for a busy machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/worker/server_thread.hpp"

namespace prefork::test {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using Clock = std::chrono::steady_clock;

struct Fixture {
  explicit Fixture(Limits limits)
      : server([this, limits](Server& s) {
          s.limits(limits);
          s.on_message([](Connection& c, std::string_view line) {
            if (line == "flood") {
              for (int i = 0; i < 64; ++i) c.send_raw(std::string(1024 * 1024, 'x'));
            } else {
              c.send(line);
            }
          });
          record_closes(s, record);
        }) {}

  Record record;
  ServerThread server;
};

Limits only(Limits& (Limits::*which)(milliseconds), milliseconds value) {
  Limits limits;
  limits.idle_timeout(milliseconds(0)).first_message_timeout(milliseconds(0));
  limits.message_timeout(milliseconds(0)).write_timeout(milliseconds(0)).max_output(0);
  (limits.*which)(value);
  return limits;
}

TEST(TimeOutsTest, an_idle_client_is_closed_not_before_its_time) {
  const auto begin = Clock::now();
  Fixture fixture(only(&Limits::idle_timeout, milliseconds(60)));
  TestClient client = fixture.server.connect();
  EXPECT_EQ(client.rest(), "<eof>");
  EXPECT_GE(Clock::now() - begin, milliseconds(60));
  EXPECT_THAT(fixture.record.wait(1), ElementsAre("idle-timeout"));
}

TEST(TimeOutsTest, each_message_begins_the_idle_time_again) {
  Fixture fixture(only(&Limits::idle_timeout, milliseconds(500)));
  TestClient client = fixture.server.connect();
  auto last = Clock::now();
  for (const auto begin = Clock::now(); Clock::now() - begin < milliseconds(1100);) {
    last = Clock::now();
    client.send("still here\n");
    ASSERT_EQ(client.line(), "still here");
    ASSERT_FALSE(wait_for(client.fd(), POLLIN, milliseconds(50)));
  }
  EXPECT_EQ(client.rest(), "<eof>");
  EXPECT_GE(Clock::now() - last, milliseconds(500));
}

TEST(TimeOutsTest, a_trickling_client_is_closed_although_it_keeps_sending) {
  Fixture fixture(only(&Limits::message_timeout, milliseconds(100)));
  TestClient client = fixture.server.connect();
  client.send("whole\n");
  EXPECT_EQ(client.line(), "whole");
  const auto begin = Clock::now();
  while (!wait_for(client.fd(), POLLIN, milliseconds(5)) && Clock::now() - begin < patience) client.send("x");
  EXPECT_GE(Clock::now() - begin, milliseconds(100));
  EXPECT_LT(Clock::now() - begin, patience);
  EXPECT_THAT(fixture.record.wait(1), ElementsAre("message-timeout"));
}

TEST(TimeOutsTest, a_client_that_reads_nothing_is_closed) {
  Limits limits = only(&Limits::write_timeout, milliseconds(100));
  Fixture fixture(limits);
  TestClient client = fixture.server.connect();
  client.send("flood\n");
  EXPECT_THAT(fixture.record.wait(1), ElementsAre("write-timeout"));
}

TEST(TimeOutsTest, a_slow_reader_that_makes_progress_is_not_closed) {
  constexpr milliseconds span(1000);
  Limits limits = only(&Limits::write_timeout, span);
  limits.idle_timeout(span);
  Fixture fixture(limits);
  TestClient client = fixture.server.connect();
  client.send("flood\n");
  const auto begin = Clock::now();
  std::size_t got = 0;
  while (got < 64U * 1024 * 1024) {
    got += client.bytes(4 * 1024 * 1024).size();
    // This descriptor never becomes ready: a pause without a sleep.
    pollfd nothing{-1, 0, 0};
    ::poll(&nothing, 1, 80);
  }
  EXPECT_GT(Clock::now() - begin, span);
  client.send("still here\n");
  EXPECT_EQ(client.line(), "still here");
}

TEST(TimeOutsTest, off_means_off) {
  Fixture fixture(only(&Limits::idle_timeout, milliseconds(0)));
  TestClient client = fixture.server.connect();
  client.send("half");
  EXPECT_FALSE(wait_for(client.fd(), POLLIN, milliseconds(150)));
  client.send(" done\n");
  EXPECT_EQ(client.line(), "half done");
}

}  // namespace
}  // namespace prefork::test
