// SPDX-License-Identifier: MIT
#include "ctl/journal/journal_matches.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace preforkd::ctl {
namespace {

using testing::ElementsAre;

TEST(JournalMatches, one_slot_is_what_is_said_about_it_and_what_it_wrote) {
  EXPECT_THAT(journal_matches("echo", 1, {}),
              ElementsAre("PREFORK_POOL=echo", "PREFORK_WORKER=1", "+", "SYSLOG_IDENTIFIER=echo[1]"));
}

TEST(JournalMatches, a_pool_has_its_unit_and_all_its_workers) {
  EXPECT_THAT(journal_matches("echo", std::nullopt, {"echo[0]", "echo[1]"}),
              ElementsAre("PREFORK_POOL=echo", "+", "_SYSTEMD_UNIT=preforkd@echo.service", "+",
                          "SYSLOG_IDENTIFIER=echo[0]", "SYSLOG_IDENTIFIER=echo[1]"));
  EXPECT_THAT(journal_matches("echo", std::nullopt, {}),
              ElementsAre("PREFORK_POOL=echo", "+", "_SYSTEMD_UNIT=preforkd@echo.service"));
}

}  // namespace
}  // namespace preforkd::ctl
