// SPDX-License-Identifier: MIT
#include "master/process/proc_status.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace preforkd {
namespace {

TEST(ProcStatusNumber, IsTheOneAskedFor) {
  EXPECT_EQ(proc_status_number(getpid(), "Pid"), getpid());
  EXPECT_EQ(proc_status_number(getpid(), "PPid"), getppid());
  EXPECT_EQ(proc_status_number(getpid(), "Uid", 1), static_cast<long>(geteuid()));
}

TEST(ProcStatusNumber, IsNoneWhereThereIsNone) {
  EXPECT_EQ(proc_status_number(getpid(), "State"), std::nullopt);
  EXPECT_EQ(proc_status_number(getpid(), "Pi"), std::nullopt);
  EXPECT_EQ(proc_status_number(getpid(), "Nonsense"), std::nullopt);
  EXPECT_EQ(proc_status_number(0, "Pid"), std::nullopt);
}

}  // namespace
}  // namespace preforkd
