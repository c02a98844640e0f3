// SPDX-License-Identifier: MIT
#include "base/pidfd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "unit/kernel_version.hpp"

namespace preforkd {
namespace {

TEST(Pidfd, a_signal_reaches_the_process_until_it_is_reaped) {
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  const UniqueFd pidfd = open_pidfd(child);
  ASSERT_TRUE(pidfd);
  EXPECT_EQ(send_signal(pidfd.get(), 0), 0);
  EXPECT_EQ(send_signal(pidfd.get(), SIGKILL), 0);
  pollfd gone{pidfd.get(), POLLIN, 0};
  ASSERT_EQ(poll(&gone, 1, 10'000), 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_EQ(send_signal(pidfd.get(), SIGKILL), -1);
  EXPECT_EQ(errno, ESRCH);
  EXPECT_FALSE(open_pidfd(child));
  EXPECT_EQ(errno, ESRCH);
}

TEST(Pidfd, knows_how_a_process_ended_once_it_is_reaped) {
  const pid_t child = fork();
  if (child == 0) _exit(3);
  const UniqueFd pidfd = open_pidfd(child);
  pollfd gone{pidfd.get(), POLLIN, 0};
  ASSERT_EQ(poll(&gone, 1, 10'000), 1);
  EXPECT_EQ(wait_status(pidfd.get()), std::nullopt);
  const int why = errno;
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (!kernel_is(6, 15)) GTEST_SKIP() << "that needs Linux 6.15 or later";
  EXPECT_EQ(why, EAGAIN);
  EXPECT_EQ(wait_status(pidfd.get()), status);
}

TEST(Pidfd, knows_the_signal_that_ended_a_process) {
  const pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  const UniqueFd pidfd = open_pidfd(child);
  ASSERT_EQ(send_signal(pidfd.get(), SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (!kernel_is(6, 15)) GTEST_SKIP() << "that needs Linux 6.15 or later";
  EXPECT_EQ(wait_status(pidfd.get()), status);
}

TEST(Pidfd, any_other_descriptor_has_no_status) {
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(wait_status(null.get()), std::nullopt);
  EXPECT_NE(errno, EAGAIN);
}

}  // namespace
}  // namespace preforkd
