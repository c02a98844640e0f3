// SPDX-License-Identifier: MIT
#include "pools/unit_states.hpp"

#include <gtest/gtest.h>
#include <signal.h>

namespace preforkd {
namespace {

TEST(UnitStates, a_failure_is_told_as_systemctl_tells_it) {
  EXPECT_EQ(unit_failure_text("exit-code", CLD_EXITED, 217), "exit 217/USER");
  EXPECT_EQ(unit_failure_text("exit-code", CLD_EXITED, 7), "exit 7");
  EXPECT_EQ(unit_failure_text("signal", CLD_KILLED, SIGSEGV), "signal 11 (SIGSEGV)");
  EXPECT_EQ(unit_failure_text("signal", CLD_KILLED, 1000), "signal 1000");
  EXPECT_EQ(unit_failure_text("timeout", 0, 0), "timeout");
  EXPECT_EQ(unit_failure_text("exit-code", 0, 0), "exit-code") << "of another process than the main one";
}

TEST(UnitStates, a_standing_has_its_remark_in_brackets) {
  EXPECT_EQ(text_of({"stopped", ""}), "stopped");
  EXPECT_EQ(text_of({"waiting", "for its first connection"}), "waiting (for its first connection)");
}

}  // namespace
}  // namespace preforkd
