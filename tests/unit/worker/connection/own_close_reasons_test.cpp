// SPDX-License-Identifier: MIT
// The close reasons that an application names: given to close(), told to on_close, counted under their names.
#include "worker/connection/own_close_reasons.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "unit/worker/connection/virtual_server.hpp"

namespace prefork::test {
namespace {

using internal::OwnCloseReasons;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

const CloseReason quota_exceeded = OwnCloseReasons::of_process().add("quota-exceeded");
const std::size_t quota_index = OwnCloseReasons::of_process().index_of(quota_exceeded).value();

std::string failure(OwnCloseReasons& reasons, const std::string& name) {
  try {
    static_cast<void>(reasons.add(name));
  } catch (const std::invalid_argument& error) {
    return error.what();
  } catch (const std::length_error& error) {
    return error.what();
  }
  return "";
}

TEST(OwnCloseReasonsTest, have_a_name_and_the_same_name_is_the_same_reason) {
  EXPECT_EQ(to_string(quota_exceeded), "quota-exceeded");
  EXPECT_EQ(OwnCloseReasons::of_process().add("quota-exceeded"), quota_exceeded);
  const CloseReason other = OwnCloseReasons::of_process().add("other");
  EXPECT_NE(other, quota_exceeded);
  EXPECT_EQ(to_string(other), "other");
  const std::string longest(40, 'a');
  EXPECT_EQ(to_string(OwnCloseReasons::of_process().add(longest)), longest);
}

TEST(OwnCloseReasonsTest, a_name_of_the_library_is_its_reason) {
  EXPECT_EQ(OwnCloseReasons::of_process().add("bad-message"), CloseReason::bad_message);
}

TEST(OwnCloseReasonsTest, a_name_that_is_not_fit_for_a_metric_is_refused) {
  OwnCloseReasons reasons;
  EXPECT_EQ(failure(reasons, "Quota\n"),
            "close reason \"Quota\\n\": a name is a letter from a to z and up to 39 of a-z, 0-9 and -");
  EXPECT_NE(failure(reasons, ""), "");
  EXPECT_NE(failure(reasons, std::string(41, 'a')), "");
  EXPECT_EQ(reasons.size(), 0U);
}

TEST(OwnCloseReasonsTest, there_are_at_most_32) {
  OwnCloseReasons reasons;
  for (int i = 0; i < 32; ++i) EXPECT_EQ(failure(reasons, "r" + std::to_string(i)), "");
  EXPECT_EQ(failure(reasons, "r32"), "close reason \"r32\": there are 32 already");
  EXPECT_EQ(failure(reasons, "r31"), "");
}

TEST(OwnCloseReasonsTest, close_is_told_and_counted_under_its_name) {
  VirtualServer server;
  server.handlers.on_message = [](Connection& c, std::string_view) { c.close(quota_exceeded); };
  const int client = server.connect();
  server.say(client, "x\n");
  server.turn();
  server.turn();
  EXPECT_THAT(server.closed, ElementsAre("quota-exceeded"));
  EXPECT_EQ(server.stats.own_closes.at(quota_index).read_name(), "quota-exceeded");
  EXPECT_EQ(server.stats.own_closes.at(quota_index).value, 1U);
}

TEST(OwnCloseReasonsTest, close_after_flush_sends_all_and_is_told_and_counted_under_its_name) {
  VirtualServer server;
  server.handlers.on_message = [](Connection& c, std::string_view) {
    c.send("no");
    c.close_after_flush(quota_exceeded);
  };
  const int client = server.connect();
  server.say(client, "x\n");
  server.turn();
  server.turn();
  EXPECT_THAT(server.closed, ElementsAre("quota-exceeded"));
  EXPECT_EQ(server.streams.wire(client).sent, "no\n");
  EXPECT_EQ(server.stats.own_closes.at(quota_index).value, 1U);
}

TEST(OwnCloseReasonsTest, a_reason_of_the_library_may_be_given_and_any_other_value_is_closed_by_server) {
  VirtualServer server;
  server.connection(server.connect())->close(CloseReason::bad_message);
  server.connection(server.connect())->close_after_flush(CloseReason::idle_timeout);
  server.connection(server.connect())->close(static_cast<CloseReason>(255));
  server.connection(server.connect())->close_after_flush(static_cast<CloseReason>(127));
  server.turn();
  server.turn();
  EXPECT_THAT(server.closed,
              UnorderedElementsAre("bad-message", "idle-timeout", "closed-by-server", "closed-by-server"));
  const auto count = [&](CloseReason reason) {
    return server.stats.closes_by_reason.at(static_cast<std::size_t>(reason)).load();
  };
  EXPECT_EQ(count(CloseReason::bad_message), 1U);
  EXPECT_EQ(count(CloseReason::idle_timeout), 1U);
  EXPECT_EQ(count(CloseReason::closed_by_server), 2U);
}

}  // namespace
}  // namespace prefork::test
