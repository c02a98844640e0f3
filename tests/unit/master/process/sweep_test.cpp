// SPDX-License-Identifier: MIT
#include "master/process/sweep.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "unit/real_group.hpp"

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SweepTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!service_) GTEST_SKIP() << service_.reason();
  }
  // A process that ignores SIGTERM, and is not a child.
  static void start_in(const GroupFolder& group) {
    const pid_t pid = fork();
    if (pid == 0) {
      signal(SIGTERM, SIG_IGN);
      if (!group.enter()) _exit(1);
      if (fork() == 0) pause();
      _exit(0);
    }
    ASSERT_EQ(waitpid(pid, nullptr, 0), pid);
    ASSERT_EQ(group.processes().size(), 1U);
  }

  RealGroup service_;
  EventLoop loop_;
  Orphans orphans_{loop_, false};
};

TEST_F(SweepTest, ends_elders_but_not_adopted_workers) {
  const GroupFolder left = *GroupFolder::make(service_.path("w.1"));
  const GroupFolder adopted = *GroupFolder::make(service_.path("w.2"));
  start_in(left);
  start_in(adopted);
  WorkerParts parts;
  parts.pid = adopted.processes().front();
  parts.group = "w.2";
  bool done = false;
  Sweep sweep(loop_, service_.folder().path(), orphans_, [&done] { done = true; });
  testing::internal::CaptureStderr();
  sweep.end_elders(SIGTERM, milliseconds(10), {parts});
  const Instant deadline = SteadyClock().now() + seconds(10);
  while (!done && SteadyClock().now() < deadline) loop_.run_once(milliseconds(100));
  testing::internal::GetCapturedStderr();
  ASSERT_TRUE(done);
  EXPECT_FALSE(std::filesystem::exists(left.path()));
  EXPECT_TRUE(adopted.populated());
}

}  // namespace
}  // namespace preforkd
