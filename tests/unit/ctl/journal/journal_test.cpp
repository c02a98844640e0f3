// SPDX-License-Identifier: MIT
#include "ctl/journal/journal.hpp"

#include <gtest/gtest.h>

namespace preforkd::ctl {
namespace {

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

}  // namespace
}  // namespace preforkd::ctl
