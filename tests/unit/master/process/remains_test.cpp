// SPDX-License-Identifier: MIT
#include "master/process/remains.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <vector>

namespace preforkd {
namespace {

TEST(Remains, what_hands_over_to_a_child_while_one_looks_is_found) {
  const pid_t gone_by_then = fork();
  if (gone_by_then == 0) _exit(0);
  ASSERT_EQ(waitpid(gone_by_then, nullptr, 0), gone_by_then);
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  EventLoop loop;
  bool gone = false;
  int looks = 0;
  const auto find = [&] {
    const pid_t found = ++looks == 1 ? gone_by_then : child;
    return kill(found, 0) == 0 || looks == 1 ? std::vector<ProcessName>{{found, "x"}} : std::vector<ProcessName>{};
  };
  Remains remains(loop, find, [&] { gone = true; });
  ASSERT_FALSE(remains.empty());
  remains.signal(SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  const Instant end = SteadyClock().now() + std::chrono::seconds(20);
  while (!gone && SteadyClock().now() < end) loop.run_once(std::chrono::milliseconds(100));
  EXPECT_TRUE(gone);
}

}  // namespace
}  // namespace preforkd
