// SPDX-License-Identifier: MIT
#include "master/process/orphans.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "base/unique_fd.hpp"

namespace preforkd {
namespace {

class OrphansTest : public testing::Test {
 protected:
  OrphansTest() { EXPECT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); }
  ~OrphansTest() override {
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    while (waitpid(-1, nullptr, WNOHANG) > 0) continue;
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_UNBLOCK, &chld, nullptr);
  }

  // A child that has ended with this status.
  static pid_t dead_child(int status) {
    const pid_t pid = fork();
    if (pid == 0) _exit(status);
    siginfo_t info{};
    EXPECT_EQ(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
    return pid;
  }
  // Creates an orphan that has ended and is our child.
  static void orphan() {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const UniqueFd pid_here(ends[0]);
    const UniqueFd pid_there(ends[1]);
    const pid_t parent = fork();
    if (parent == 0) {
      const pid_t child = fork();
      if (child == 0) _exit(0);
      _exit(write(pid_there.get(), &child, sizeof(child)) == sizeof(child) ? 0 : 1);
    }
    EXPECT_EQ(waitpid(parent, nullptr, 0), parent);
    pid_t child = 0;
    ASSERT_EQ(read(pid_here.get(), &child, sizeof(child)), static_cast<ssize_t>(sizeof(child)));
    siginfo_t info{};
    EXPECT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  }
  static bool has_children() {
    siginfo_t info{};
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
  }

  EventLoop loop_;
};

TEST_F(OrphansTest, are_reaped_when_they_die) {
  const Orphans orphans(loop_, [](pid_t) { return false; });
  orphan();
  ASSERT_TRUE(has_children());
  EXPECT_TRUE(loop_.run_once(std::chrono::seconds(10)));
  EXPECT_FALSE(has_children());
}

TEST_F(OrphansTest, are_reaped_behind_a_worker_whose_status_is_left_alone) {
  const pid_t worker = dead_child(3);
  Orphans orphans(loop_, [worker](pid_t pid) { return pid == worker; });
  orphan();
  orphans.reap();
  int status = 0;
  ASSERT_EQ(waitpid(worker, &status, WNOHANG), worker);
  EXPECT_EQ(WEXITSTATUS(status), 3);
  orphans.reap();
  EXPECT_FALSE(has_children());
}

TEST_F(OrphansTest, are_left_alone_by_a_process_that_gets_none) {
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  Orphans orphans(loop_, [](pid_t) { return false; });
  const pid_t child = dead_child(0);
  orphans.reap();
  EXPECT_EQ(waitpid(child, nullptr, WNOHANG), child);
}

}  // namespace
}  // namespace preforkd
