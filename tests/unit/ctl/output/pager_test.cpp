// SPDX-License-Identifier: MIT
#include "ctl/output/pager.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace preforkd::ctl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class PagerChoice : public testing::Test {
 protected:
  PagerChoice() {
    ::unsetenv("SYSTEMD_PAGER");
    ::unsetenv("PAGER");
  }
  ~PagerChoice() override {
    ::unsetenv("SYSTEMD_PAGER");
    ::unsetenv("PAGER");
  }
};

TEST_F(PagerChoice, trusts_who_logged_in_and_nobody_who_became_another) {
  EXPECT_EQ(pager_trust(nullptr, 1000, 1000), PagerTrust::full);
  EXPECT_EQ(pager_trust(nullptr, 1000, 0), PagerTrust::none);
  EXPECT_EQ(pager_trust(nullptr, std::nullopt, 0), PagerTrust::none);
  for (const char* const no : {"0", "no", "false", "off"}) EXPECT_EQ(pager_trust(no, 1000, 0), PagerTrust::full) << no;
  for (const char* const yes : {"1", "yes", "", "what"}) {
    EXPECT_EQ(pager_trust(yes, 1000, 1000), PagerTrust::confined) << yes;
  }
}

TEST_F(PagerChoice, without_a_choice_is_less_and_more_only_if_it_may_start_a_shell) {
  EXPECT_THAT(pager_commands(PagerTrust::full), ElementsAre(ElementsAre("less"), ElementsAre("more")));
  EXPECT_THAT(pager_commands(PagerTrust::confined), ElementsAre(ElementsAre("less")));
  EXPECT_THAT(pager_commands(PagerTrust::none), ElementsAre(ElementsAre("less")));
}

TEST_F(PagerChoice, of_the_environment_counts_only_where_it_is_trusted) {
  ::setenv("PAGER", "most -s", 1);
  EXPECT_THAT(pager_commands(PagerTrust::full), ElementsAre(ElementsAre("most", "-s")));
  EXPECT_THAT(pager_commands(PagerTrust::confined), ElementsAre(ElementsAre("most", "-s")));
  EXPECT_THAT(pager_commands(PagerTrust::none), ElementsAre(ElementsAre("less")));
  ::setenv("SYSTEMD_PAGER", "cat", 1);
  for (const PagerTrust trust : {PagerTrust::full, PagerTrust::confined, PagerTrust::none}) {
    EXPECT_THAT(pager_commands(trust), IsEmpty());
  }
}

}  // namespace
}  // namespace preforkd::ctl
