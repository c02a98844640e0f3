// SPDX-License-Identifier: MIT
#include "base/pidfd.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

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

}  // namespace
}  // namespace preforkd
