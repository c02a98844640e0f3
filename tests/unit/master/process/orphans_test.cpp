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
#include <set>
#include <vector>

#include "base/unique_fd.hpp"

namespace preforkd {
namespace {

class OrphansTest : public testing::Test {
 protected:
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
  const Orphans orphans(loop_, true);
  orphan();
  ASSERT_TRUE(has_children());
  for (int turn = 0; turn < 2; ++turn) EXPECT_TRUE(loop_.run_once(std::chrono::seconds(10)));
  EXPECT_FALSE(has_children());
}

TEST_F(OrphansTest, are_reaped_behind_a_worker_whose_status_is_left_alone) {
  const pid_t worker = dead_child(3);
  Orphans orphans(loop_, true);
  orphans.add_worker(worker);
  orphan();
  orphans.reap();
  int status = 0;
  ASSERT_EQ(waitpid(worker, &status, WNOHANG), worker);
  EXPECT_EQ(WEXITSTATUS(status), 3);
  orphans.reap();
  EXPECT_FALSE(has_children());
}

// A child of a worker that has ended, and its own child.
TEST_F(OrphansTest, are_known_with_their_descendants_but_workers_are_not_among_them) {
  Orphans orphans(loop_, true);
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  UniqueFd numbers(ends[0]);
  UniqueFd end(ends[1]);
  const auto stay = [&end] {
    const pid_t self = getpid();
    if (write(end.get(), &self, sizeof self) != sizeof self) _exit(1);
    for (;;) pause();
  };
  const pid_t worker = fork();
  if (worker == 0) stay();
  orphans.add_worker(worker);
  const pid_t ended = fork();
  if (ended == 0) {
    if (fork() != 0) _exit(0);
    setsid();
    if (fork() == 0) setsid();
    stay();
  }
  EXPECT_EQ(waitpid(ended, nullptr, 0), ended);
  std::set<pid_t> all;
  for (int i = 0; i < 3; ++i) {
    pid_t pid = 0;
    ASSERT_EQ(read(numbers.get(), &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
    all.insert(pid);
  }
  EXPECT_EQ(all.erase(worker), 1U);
  const std::vector<pid_t> found = orphans.all();
  EXPECT_EQ(std::set<pid_t>(found.begin(), found.end()), all);
  all.insert(worker);
  for (const pid_t pid : all) kill(pid, SIGKILL);
  EXPECT_EQ(waitpid(worker, nullptr, 0), worker);
  for (const pid_t pid : all) waitpid(pid, nullptr, 0);
}

TEST_F(OrphansTest, are_left_alone_by_a_process_that_gets_none) {
  Orphans orphans(loop_, false);
  const pid_t child = dead_child(0);
  orphans.reap();
  EXPECT_EQ(waitpid(child, nullptr, WNOHANG), child);
}

}  // namespace
}  // namespace preforkd
