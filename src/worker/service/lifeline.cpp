// SPDX-License-Identifier: MIT
#include "worker/service/lifeline.hpp"

#include <fcntl.h>
#include <sys/prctl.h>

#include <cerrno>
#include <string>
#include <utility>

#include "base/errors.hpp"
#include "wire/control_channel.hpp"
#include "wire/worker_env.hpp"

namespace prefork::internal {

namespace {

[[noreturn]] void fail(int error) {
  throw preforkd::ExitError(
      preforkd::exit_code::os_error,
      std::string("cannot start: ") + preforkd::worker_env::control_fd + ": " + preforkd::errno_text(error));
}

}  // namespace

Lifeline::Lifeline(EventLoop& loop, preforkd::UniqueFd control_fd, std::function<void()> on_end)
    : loop_(loop), fd_(std::move(control_fd)), on_end_(std::move(on_end)) {
  const int status_flags = ::fcntl(fd_.get(), F_GETFL);
  if (status_flags < 0 || ::fcntl(fd_.get(), F_SETFL, status_flags | O_NONBLOCK) != 0) fail(errno);
  if (::fcntl(fd_.get(), F_SETFD, FD_CLOEXEC) != 0) fail(errno);
  if (const int error = loop_.add(fd_.get(), EPOLLIN, *this); error != 0) fail(error);
  ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

Lifeline::~Lifeline() { loop_.remove(fd_.get(), *this); }

void Lifeline::on_events(std::uint32_t) {
  if (preforkd::check_lifeline(fd_.get()) == preforkd::Lifeline::alive) return;
  loop_.remove(fd_.get(), *this);
  on_end_();
}

}  // namespace prefork::internal
