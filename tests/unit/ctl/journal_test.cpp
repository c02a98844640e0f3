// SPDX-License-Identifier: MIT
#include "ctl/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace preforkd::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Journal, identifiers_of_workers_are_the_pools_name_and_a_slot) {
  EXPECT_TRUE(names_worker_of("echo", "echo[0]"));
  EXPECT_TRUE(names_worker_of("echo", "echo[123]"));
  for (const char* const other :
       {"echo", "echo[]", "echo[x]", "echo[1", "echo2[1]", "my_echo[1]", "echo[1]x", "echo[-1]"}) {
    EXPECT_FALSE(names_worker_of("echo", other)) << other;
  }
}

TEST(Journal, of_a_process_that_wrote_nothing_there_are_no_lines) {
  EXPECT_TRUE(last_lines("no_such_pool[0]", 1, 20, {}).empty());
}

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

TEST(SandboxHint, names_what_the_sandbox_may_have_refused_and_the_keys_that_change_it) {
  const std::string hint = sandbox_hint("web", {"Traceback", "OSError: [Errno 30] Read-only file system: '/srv/x'"});
  EXPECT_THAT(hint, HasSubstr("\"Read-only file system\" may be the sandbox: \"writable\" and \"sandbox\""));
  EXPECT_THAT(hint, HasSubstr("preforkctl apply web"));
  EXPECT_EQ(hint.back(), '\n');
  EXPECT_THAT(sandbox_hint("web", {"open /srv/x: read-only file system"}), HasSubstr("Read-only")) << "as Go has it";
}

TEST(SandboxHint, is_empty_for_other_failures) {
  EXPECT_THAT(sandbox_hint("web", {}), IsEmpty());
  EXPECT_THAT(sandbox_hint("web", {"No such file or directory", "Permission"}), IsEmpty());
}

}  // namespace
}  // namespace preforkd::ctl
