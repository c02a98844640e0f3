// SPDX-License-Identifier: MIT
#include "worker/service/worker_signals.hpp"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/errors.hpp"

namespace prefork::internal {

namespace {

sigset_t leaving_signals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

// Signals that operators send to servers, and logrotate to all processes of a name: by default they would end a worker
// with its connections. The handler does nothing, because an ignored signal stays ignored in programs that a worker
// runs.
constexpr std::array<int, WorkerSignals::harmless_count> harmless = {SIGHUP, SIGUSR1, SIGUSR2};
void do_nothing(int) {}

[[noreturn]] void fail(const char* call, int error) {
  throw preforkd::ExitError(preforkd::exit_code::os_error,
                            std::string("cannot start: ") + call + ": " + preforkd::errno_text(error));
}

}  // namespace

WorkerSignals::WorkerSignals(EventLoop& loop, std::function<void(int)> on_leave)
    : loop_(loop), on_leave_(std::move(on_leave)), mask_before_{}, pipe_before_{} {
  const sigset_t leaving = leaving_signals();
  fd_.reset(::signalfd(-1, &leaving, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) fail("signalfd", errno);
  if (const int error = loop_.add(fd_.get(), EPOLLIN, *this); error != 0) fail("epoll_ctl", error);
  ::pthread_sigmask(SIG_BLOCK, &leaving, &mask_before_);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &pipe_before_);
  struct sigaction nothing {};
  nothing.sa_handler = do_nothing;
  nothing.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < harmless.size(); ++i) {
    ::sigaction(harmless[i], nullptr, &harmless_before_[i]);
    const bool of_application = harmless_before_[i].sa_handler != SIG_DFL;
    if (!of_application) ::sigaction(harmless[i], &nothing, nullptr);
  }
}

WorkerSignals::~WorkerSignals() {
  loop_.remove(fd_.get(), *this);
  signalfd_siginfo dropped;
  while (::read(fd_.get(), &dropped, sizeof dropped) == static_cast<ssize_t>(sizeof dropped)) {
  }
  ::sigaction(SIGPIPE, &pipe_before_, nullptr);
  for (std::size_t i = 0; i < harmless.size(); ++i) {
    struct sigaction now {};
    ::sigaction(harmless[i], nullptr, &now);
    if (now.sa_handler == do_nothing) ::sigaction(harmless[i], &harmless_before_[i], nullptr);
  }
  ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

void WorkerSignals::on_events(std::uint32_t) {
  signalfd_siginfo info;
  while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    on_leave_(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace prefork::internal
