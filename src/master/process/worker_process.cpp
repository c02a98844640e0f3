// SPDX-License-Identifier: MIT
#include "master/process/worker_process.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>
#include <variant>

#include "base/errors.hpp"
#include "master/base/log.hpp"

namespace preforkd {
namespace {

// A worker may send this much before its socket is put aside for the rest of the interval: far more than a sound
// program does, and far less than would hold up the others.
constexpr unsigned messages_a_turn = 16;
constexpr unsigned turns_an_interval = 10;
constexpr auto rate_interval = std::chrono::milliseconds(100);
// A dead worker's queue holds at most net.unix.max_dgram_qlen messages, but a child that it left may go on sending.
constexpr unsigned last_messages = 1024;
constexpr auto unusable_line_interval = std::chrono::seconds(10);

template <class T>
T take(Result<T> result) {
  if (!result) throw LaunchError(errno != 0 ? errno : EIO, result.error());
  return std::move(*result);
}

int send_signal(int pidfd, int signal) noexcept {
  return static_cast<int>(syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

ExitStatus to_exit_status(const siginfo_t& info) {
  switch (info.si_code) {
    case CLD_EXITED:
      return {ExitStatus::Kind::exited, info.si_status, {}};
    case CLD_KILLED:
      return {ExitStatus::Kind::signaled, info.si_status, {}};
    case CLD_DUMPED:
      return {ExitStatus::Kind::dumped, info.si_status, {}};
    default:
      return {};
  }
}

}  // namespace

WorkerProcess::WorkerProcess(EventLoop& loop, WorkerId id, std::string label, std::string notify_path,
                             WorkerObserver& observer)
    : loop_(loop),
      id_(id),
      label_(std::move(label)),
      observer_(observer),
      channel_(take(ControlChannel::open())),
      stats_memfd_(take(make_stats_memfd("preforkd-stats"))),
      stats_(take(StatsMapping::map(stats_memfd_.get(), false))),
      notify_socket_(std::move(notify_path)),
      message_source_(loop.add_io(notify_socket_.fd(), EPOLLIN, Priority::worker_message,
                                  [this](std::uint32_t) { on_message(); })) {
  message_source_.limit_rate(rate_interval, turns_an_interval);
  // Later workers are copies of the master until they exec: copying a thousand mappings each time would be for nothing.
  madvise(stats_.get(), sizeof(StatsPage), MADV_DONTFORK);
}

void WorkerProcess::start(const SpawnPlan& plan) {
  tl::expected<Spawned, int> spawned = spawn(plan);
  if (!spawned) throw LaunchError(spawned.error(), "cannot fork: " + errno_text(spawned.error()));
  pid_ = spawned->pid;
  pidfd_ = std::move(spawned->pidfd);
  report_ = std::move(spawned->report);
  channel_.worker_end.reset();
  stats_memfd_.reset();
  try {
    watch_process();
  } catch (...) {
    send_signal(pidfd_.get(), SIGKILL);
    siginfo_t info{};
    waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_.get()), &info, WEXITED);
    throw;
  }
}

void WorkerProcess::watch_process() {
  report_source_ =
      loop_.add_io(report_.get(), EPOLLIN, Priority::worker_message, [this](std::uint32_t) { on_report(); });
  exit_source_ = loop_.add_io(pidfd_.get(), EPOLLIN, Priority::worker_exit, [this](std::uint32_t) { on_exit(); });
}

void WorkerProcess::signal(int signal) noexcept {
  was_sent_sigkill_ = was_sent_sigkill_ || signal == SIGKILL;
  if (pidfd_) send_signal(pidfd_.get(), signal);
}

const StatsPage* WorkerProcess::stats() const noexcept {
  return stats_ && stats_->layout.load(std::memory_order_relaxed) == StatsPage::layout_version ? stats_.get() : nullptr;
}

void WorkerProcess::on_report() {
  const ExecReport report = read_exec_report(report_.get());
  if (report.kind == ExecReport::Kind::pending) return;
  report_source_ = EventSource();
  report_.reset();
  if (report.kind == ExecReport::Kind::failed) {
    exec_failure_ = report;
  } else {
    observer_.on_worker_executed(id_);
  }
}

void WorkerProcess::on_message() {
  for (unsigned i = 0; i < messages_a_turn; ++i) {
    if (!take_message()) return;
  }
}

bool WorkerProcess::take_message() {
  const NotifySocket::Received received = notify_socket_.receive();
  if (const auto* unusable = std::get_if<NotifySocket::Unusable>(&received)) log_unusable(unusable->reason);
  if (const auto* datagram = std::get_if<NotifySocket::Datagram>(&received)) {
    const NotifyMessage& message = datagram->message;
    if (message.status) status_text_ = *message.status;
    if (message.error) reported_error_ = message.error;
    observer_.on_worker_notified(id_, message);
  }
  return !std::holds_alternative<NotifySocket::Nothing>(received);
}

void WorkerProcess::log_unusable(const std::string& reason) {
  const Instant now = SteadyClock().now();
  ++unusable_;
  if (now < next_unusable_line_) return;
  next_unusable_line_ = now + unusable_line_interval;
  std::string line =
      label_ + " (pid " + std::to_string(pid_) + "): ignored a notify message that is not usable: " + reason;
  if (unusable_ > 1) line += " (" + std::to_string(unusable_ - 1) + " more since the last such line)";
  unusable_ = 0;
  log::warning(line);
}

void WorkerProcess::on_exit() {
  // What it said before it died counts first: a READY=1 right before the exit is a worker that was ready.
  for (unsigned i = 0; i < last_messages && take_message(); ++i) continue;
  if (report_) on_report();
  exit_source_ = EventSource();
  message_source_ = EventSource();
  observer_.on_worker_gone(id_, reap());
}

ExitStatus WorkerProcess::reap() noexcept {
  siginfo_t info{};
  if (waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG) != 0) return {};
  if (exec_failure_) return {ExitStatus::Kind::exec_failed, exec_failure_->error, exec_failure_->step};
  return to_exit_status(info);
}

}  // namespace preforkd
