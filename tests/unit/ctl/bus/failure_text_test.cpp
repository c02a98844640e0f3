// SPDX-License-Identifier: MIT
#include "ctl/bus/failure_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace preforkd::ctl {
namespace {

using testing::HasSubstr;

CommandError explained(const std::string& name, const BusTarget& target = {}) {
  return explain(BusFailure(name, "the text"), "echo", target);
}

TEST(FailureText, a_pool_that_is_not_there_names_the_unit_to_start) {
  const CommandError error = explained("org.freedesktop.DBus.Error.ServiceUnknown");
  EXPECT_EQ(error.exit_code(), 69);
  EXPECT_STREQ(
      error.what(),
      "pool \"echo\" is not running on the system bus; start it with \"systemctl start preforkd@echo\", or look "
      "elsewhere with --user or --address");
}

TEST(FailureText, on_another_bus_it_says_how_to_look_there) {
  const CommandError error =
      explained("org.freedesktop.DBus.Error.NameHasNoOwner", {BusTarget::Kind::machine, true, "web"});
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

TEST(FailureText, the_pools_own_words_are_kept) {
  EXPECT_STREQ(explained("org.preforkd1.Error.ConfigInvalid").what(), "pool \"echo\": the text");
}

}  // namespace
}  // namespace preforkd::ctl
