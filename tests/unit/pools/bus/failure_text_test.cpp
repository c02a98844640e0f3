// SPDX-License-Identifier: MIT
#include "pools/bus/failure_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace preforkd {
namespace {

using testing::HasSubstr;

ExitError explained(const std::string& name, const BusTarget& target = {}, std::uint32_t pid = 4711) {
  return explain(BusFailure(name, "the text"), "echo", target, pid);
}

TEST(FailureText, of_a_pool_that_is_not_there_it_says_which_are) {
  const ExitError error =
      explained("org.freedesktop.DBus.Error.NameHasNoOwner", {BusTarget::Kind::machine, true, "web"});
  EXPECT_EQ(error.exit_code(), 3);
  EXPECT_THAT(error.what(), HasSubstr("on the user bus of machine \"web\""));
  EXPECT_THAT(error.what(), HasSubstr("\"preforkctl --user -M web list\""));
}

TEST(FailureText, exit_statuses_tell_kinds_of_failures_apart) {
  EXPECT_EQ(explained("org.preforkd1.Error.NotAuthorized").exit_code(), 77);
  EXPECT_EQ(explained("org.freedesktop.DBus.Error.AccessDenied").exit_code(), 77);
  EXPECT_EQ(explained("org.freedesktop.DBus.Error.NoReply").exit_code(), 69);
  EXPECT_EQ(explained("System.Error.ECONNRESET").exit_code(), 69);
  EXPECT_EQ(explained("org.freedesktop.DBus.Error.Timeout").exit_code(), 69);
  EXPECT_EQ(explained("org.preforkd1.Error.Superseded").exit_code(), 1);
  EXPECT_EQ(explained("org.freedesktop.DBus.Error.UnknownObject").exit_code(), 1);
}

TEST(FailureText, what_does_not_answer_is_named) {
  constexpr char timeout[] = "org.freedesktop.DBus.Error.Timeout";
  EXPECT_THAT(explained(timeout).what(), HasSubstr("pool \"echo\": its master (pid 4711) does not answer"));
  EXPECT_THAT(explained(timeout, {}, 0).what(), testing::StartsWith("the system bus does not answer"));
}

TEST(FailureText, the_pools_own_words_are_kept) {
  EXPECT_STREQ(explained("org.preforkd1.Error.ConfigInvalid").what(), "pool \"echo\": the text");
}

}  // namespace
}  // namespace preforkd
