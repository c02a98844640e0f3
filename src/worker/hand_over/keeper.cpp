// SPDX-License-Identifier: MIT
#include "worker/hand_over/keeper.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/errors.hpp"
#include "base/pidfd.hpp"
#include "worker/base/log.hpp"

namespace prefork::internal {

namespace {

// After a keeper that dies sooner, or cannot be started, the next one is started this much later.
constexpr std::chrono::seconds short_life{1};
constexpr std::chrono::seconds next_try_delay{10};

}  // namespace

Keeper::Keeper(EventLoop& loop, TimerWheel& wheel, const Ledger& ledger, int control_fd,
               std::chrono::milliseconds patience, const std::string& name)
    : loop_(loop),
      wheel_(wheel),
      title_(name + ": keeper"),
      own_pidfd_(preforkd::open_pidfd(::getpid())),
      plan_{ledger, control_fd, own_pidfd_.get(),
            static_cast<int>(
                std::clamp<std::chrono::milliseconds::rep>(patience.count(), 0, std::numeric_limits<int>::max())),
            title_} {
  if (own_pidfd_) {
    start();
  } else {
    lack("pidfd_open: " + preforkd::errno_text(errno));
  }
}

Keeper::~Keeper() {
  wheel_.cancel(*this);
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  forget();
}

void Keeper::lack(const std::string& why) {
  log_line(LogLevel::warning, {"no keeper: ", why, ": if this worker dies now, its connections are closed"});
  if (own_pidfd_) wheel_.arm(*this, loop_.now() + next_try_delay);
}

void Keeper::on_timer() { start(); }

void Keeper::start() noexcept {
  const preforkd::Result<pid_t> pid = start_keeper(plan_);
  if (!pid) return lack("clone: " + pid.error().text);
  pid_ = *pid;
  started_ = std::chrono::steady_clock::now();
  pidfd_ = preforkd::open_pidfd(pid_);
  if (pidfd_) static_cast<void>(loop_.add(pidfd_.get(), EPOLLIN, *this));
}

// Reaps it: its number stays taken until then.
void Keeper::forget() noexcept {
  while (::waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) continue;
  pid_ = 0;
  if (!pidfd_) return;
  loop_.remove(pidfd_.get(), *this);
  pidfd_.reset();
}

void Keeper::on_events(std::uint32_t) {
  forget();
  if (loop_.now() - started_ < short_life) return lack("it died at once");
  log_line(LogLevel::warning, {"the keeper has died: another one is started"});
  start();
}

}  // namespace prefork::internal
