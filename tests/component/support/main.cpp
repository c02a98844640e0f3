// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "support/proc.hpp"

namespace {

// No test leaves a process to the next one or to the machine: orphans become our children, since this is a subreaper.
class Reaper : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo& /*info*/) override { preforkd::component::kill_descendants(); }
};

void raise_open_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::signal(SIGPIPE, SIG_IGN);
  raise_open_files();
  testing::UnitTest::GetInstance()->listeners().Append(new Reaper);
  return RUN_ALL_TESTS();
}
