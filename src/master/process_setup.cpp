// SPDX-License-Identifier: MIT
#include "master/process_setup.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "base/control_group.hpp"
#include "base/errors.hpp"
#include "base/unique_fd.hpp"
#include "master/process/service_group.hpp"

namespace preforkd {
namespace {

void fill_standard_descriptors() {
  int fd = -1;
  do {
    fd = open("/dev/null", O_RDWR);
    if (fd < 0) throw ExitError(exit_code::os_error, "cannot open /dev/null: " + errno_text(errno));
  } while (fd <= STDERR_FILENO);
  const UniqueFd one_too_many(fd);
}

bool is_ignored(int signal) noexcept {
  struct sigaction now {};
  return sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

void set_disposition(int signal, void (*disposition)(int)) noexcept {
  struct sigaction wanted {};
  wanted.sa_handler = disposition;
  sigaction(signal, &wanted, nullptr);
}

std::optional<rlim_t> raise_open_files() noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return std::nullopt;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return before;
}

}  // namespace

bool has_terminal() noexcept {
  const UniqueFd terminal(open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  return terminal.valid();
}

ProcessSetup set_up_process() {
  fill_standard_descriptors();
  ProcessSetup setup;
  setup.leaves_with_terminal = has_terminal() && !is_ignored(SIGHUP);
  // The kernel drops an ignored signal even if a signalfd is to read it. One that arrives before the signalfd is kept,
  // too.
  sigset_t waiting;
  sigemptyset(&waiting);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2}) {
    sigaddset(&waiting, signal);
    set_disposition(signal, SIG_DFL);
  }
  sigprocmask(SIG_BLOCK, &waiting, nullptr);
  set_disposition(SIGCHLD, SIG_DFL);
  for (const int signal : {SIGPIPE, SIGXFSZ}) set_disposition(signal, SIG_IGN);
  setup.soft_open_files = raise_open_files();
  setup.in_master_group = is_in_master_group(own_control_groups());
  return setup;
}

}  // namespace preforkd
