// SPDX-License-Identifier: MIT
#include "master/process/notify_sender.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace preforkd {
namespace {

constexpr uid_t another_user = 54321;
constexpr pid_t nobody = 2147483647;  // above every pid

// A process in its own session, like a worker of spawn(), until the end of the test; as `user` if that is permitted.
class FakeWorker {
 public:
  explicit FakeWorker(uid_t user = geteuid()) {
    std::array<int, 2> ready{};
    EXPECT_EQ(pipe(ready.data()), 0);
    pid_ = fork();
    if (pid_ == 0) {
      if (setsid() < 0 || setuid(user) != 0 || write(ready[1], "r", 1) != 1) _exit(1);
      for (;;) pause();
    }
    char byte = 0;
    EXPECT_EQ(read(ready[0], &byte, 1), 1);
    for (const int fd : ready) close(fd);
  }
  ~FakeWorker() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  FakeWorker(const FakeWorker&) = delete;
  FakeWorker& operator=(const FakeWorker&) = delete;
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

 private:
  pid_t pid_ = 0;
};

TEST(SpeaksFor, our_own_user_and_root) {
  const FakeWorker worker;
  EXPECT_TRUE(speaks_for({nobody, geteuid(), 0}, worker.pid()));
  EXPECT_TRUE(speaks_for({nobody, 0, 0}, worker.pid()));
}

TEST(SpeaksFor, the_worker_and_its_session_whatever_their_user) {
  const FakeWorker worker;
  EXPECT_TRUE(speaks_for({worker.pid(), another_user, 0}, worker.pid()));
  EXPECT_TRUE(speaks_for({getpid(), another_user, 0}, getsid(0)));
}

TEST(SpeaksFor, no_other_process) {
  const FakeWorker worker;
  EXPECT_FALSE(speaks_for({getpid(), another_user, 0}, worker.pid()));
  EXPECT_FALSE(speaks_for({nobody, another_user, 0}, worker.pid()));
  // A pid of 0, which stands for a process in another pid namespace; getsid(0) would return our own session.
  EXPECT_FALSE(speaks_for({0, another_user, 0}, worker.pid()));
  EXPECT_FALSE(speaks_for({0, another_user, 0}, getsid(0)));
}

TEST(SpeaksFor, the_user_that_the_worker_has_become_though_the_sender_is_gone) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const FakeWorker worker(another_user);
  EXPECT_TRUE(speaks_for({nobody, another_user, 0}, worker.pid()));
  EXPECT_FALSE(speaks_for({nobody, another_user + 1, 0}, worker.pid()));
}

}  // namespace
}  // namespace preforkd
