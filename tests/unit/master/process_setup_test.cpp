// SPDX-License-Identifier: MIT
#include "master/process_setup.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace preforkd {
namespace {

// Runs `check` in a child, because it changes the whole process.
void expect_in_child(const std::function<bool()>& check) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(check() ? 0 : 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

bool has_disposition(int signal, void (*disposition)(int)) {
  struct sigaction now {};
  return sigaction(signal, nullptr, &now) == 0 && now.sa_handler == disposition;
}

TEST(ProcessSetup, fills_closed_standard_descriptors_and_no_other) {
  expect_in_child([] {
    close(0);
    close(2);
    close(3);
    static_cast<void>(set_up_process());
    return fcntl(0, F_GETFD) == 0 && fcntl(2, F_GETFD) == 0 && fcntl(3, F_GETFD) == -1;
  });
}

TEST(ProcessSetup, leaves_open_standard_descriptors_alone) {
  expect_in_child([] {
    struct stat before {};
    struct stat after {};
    fstat(0, &before);
    static_cast<void>(set_up_process());
    fstat(0, &after);
    return before.st_ino == after.st_ino && before.st_dev == after.st_dev;
  });
}

// If SIGCHLD were ignored, the kernel would drop the exit status of workers. Other ignored signals would not reach the
// signalfd.
TEST(ProcessSetup, undoes_inherited_dispositions) {
  expect_in_child([] {
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) ::signal(signal, SIG_IGN);
    const ProcessSetup setup = set_up_process();
    return has_disposition(SIGCHLD, SIG_DFL) && has_disposition(SIGTERM, SIG_DFL) &&
           has_disposition(SIGPIPE, SIG_IGN) && has_disposition(SIGXFSZ, SIG_IGN) && !setup.leaves_with_terminal;
  });
}

TEST(ProcessSetup, signals_wait_until_the_event_loop_takes_them) {
  expect_in_child([] {
    static_cast<void>(set_up_process());
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGTTIN, SIGTTOU, SIGUSR1}) raise(signal);
    return true;
  });
}

TEST(ProcessSetup, raises_the_soft_limit_of_open_files_and_tells_what_it_was) {
  expect_in_child([] {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const rlimit low{100, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &low) != 0) return false;
    const ProcessSetup setup = set_up_process();
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur == limit.rlim_max && setup.soft_open_files == 100U && !set_up_process().soft_open_files;
  });
}

}  // namespace
}  // namespace preforkd
