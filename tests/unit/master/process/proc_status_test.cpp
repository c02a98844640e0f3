// SPDX-License-Identifier: MIT
#include "master/process/proc_status.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace preforkd {
namespace {

TEST(ProcStatusNumber, is_the_one_asked_for) {
  EXPECT_EQ(proc_status_number(getpid(), "Pid"), getpid());
  EXPECT_EQ(proc_status_number(getpid(), "PPid"), getppid());
  EXPECT_EQ(proc_status_number(getpid(), "Uid", 1), static_cast<long>(geteuid()));
}

TEST(ProcStatusNumber, is_none_where_there_is_none) {
  EXPECT_EQ(proc_status_number(getpid(), "State"), std::nullopt);
  EXPECT_EQ(proc_status_number(getpid(), "Pi"), std::nullopt);
  EXPECT_EQ(proc_status_number(getpid(), "Nonsense"), std::nullopt);
  EXPECT_EQ(proc_status_number(0, "Pid"), std::nullopt);
}

}  // namespace
}  // namespace preforkd
