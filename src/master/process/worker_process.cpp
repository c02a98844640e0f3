// SPDX-License-Identifier: MIT
#include "master/process/worker_process.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <variant>

#include "base/errors.hpp"
#include "base/escape.hpp"
#include "base/pidfd.hpp"
#include "base/process_facts.hpp"
#include "base/signal_name.hpp"
#include "master/base/log.hpp"
#include "master/process/notify_sender.hpp"
#include "wire/busy_time.hpp"

namespace preforkd {
namespace {

constexpr Duration first_reap_delay = std::chrono::milliseconds(10);
constexpr Duration max_reap_delay = std::chrono::seconds(1);
constexpr Duration max_status_wait = std::chrono::milliseconds(100);
constexpr auto unusable_line_interval = std::chrono::seconds(10);

template <class T>
T take(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text);
  return std::move(*result);
}

bool is_plausible_load(std::uint64_t connections) noexcept { return connections >> 31 == 0; }

// Whether a process can have reached these numbers: they are added to the pool's for good.
bool is_plausible(const StatsPage& page) noexcept {
  const auto below = [](const std::atomic<std::uint64_t>& counter, unsigned bits) {
    return counter.load(std::memory_order_relaxed) >> bits == 0;
  };
  return is_plausible_load(page.connections.load(std::memory_order_relaxed)) && below(page.connections_total, 48) &&
         below(page.connections_refused, 48) && below(page.connections_adopted, 48) &&
         below(page.closes_by_reason[handed_over_reason], 48) && below(page.accept_failures, 48) &&
         below(page.requests_total, 48) && below(page.bytes_in, 56) && below(page.bytes_out, 56) &&
         below(page.worker_messages, 48) && below(page.worker_messages_dropped, 48);
}

// As wait(2) has it.
ExitStatus to_exit_status(int status) {
  if (WIFEXITED(status)) return {ExitStatus::Kind::exited, WEXITSTATUS(status), {}};
  if (!WIFSIGNALED(status)) return {};
  return {WCOREDUMP(status) ? ExitStatus::Kind::dumped : ExitStatus::Kind::signaled, WTERMSIG(status), {}};
}

}  // namespace

WorkerProcess::WorkerProcess(EventLoop& loop, WorkerId id, std::string label, std::string notify_path,
                             WorkerObserver& observer, Orphans& orphans, std::unique_ptr<WorkerGroup> group)
    : loop_(loop),
      id_(id),
      label_(std::move(label)),
      observer_(observer),
      orphans_(orphans),
      channel_(take(ControlChannel::open())),
      stats_memfd_(take(make_stats_memfd("preforkd-stats"))),
      link_(
          loop, std::move(channel_.master_end), [this](const auto& message) { observer_.on_worker_said(id_, message); },
          [this](const std::string& reason) { log_unusable("control", reason); }),
      inbox_(loop, std::move(notify_path), [this](const NotifySocket::Received& received) { on_received(received); }),
      group_(std::move(group)) {}

WorkerProcess::WorkerProcess(EventLoop& loop, WorkerId id, std::string label, const WorkerParts& parts,
                             WorkerDescriptors descriptors, WorkerObserver& observer, Orphans& orphans,
                             std::unique_ptr<WorkerGroup> group)
    : loop_(loop),
      id_(id),
      label_(std::move(label)),
      observer_(observer),
      orphans_(orphans),
      stats_memfd_(std::move(descriptors.stats)),
      link_(
          loop, std::move(descriptors.control), [this](const auto& message) { observer_.on_worker_said(id_, message); },
          [this](const std::string& reason) { log_unusable("control", reason); }, parts.greeted),
      inbox_(loop, parts.notify_path, std::move(descriptors.notify),
             [this](const NotifySocket::Received& received) { on_received(received); }),
      group_(std::move(group)),
      told_at_(parts.told_at),
      pid_(parts.pid),
      started_(parts.started),
      is_child_(false),
      reaped_(parts.ended),
      is_counted_(parts.ended),
      was_sent_sigkill_(parts.was_sent_sigkill),
      status_text_(parts.status_text),
      reported_error_(parts.reported_error) {
  if (parts.ended) {
    look_for_remains();
  } else {
    find_process();
  }
  const bool is_executed = !parts.reported && pidfd_;
  if (!is_executed && (pidfd_ || remains_)) return;
  adopted_ = loop_.add_timer(Priority::worker_exit, std::chrono::milliseconds(1), [this] { on_adopted(); });
  adopted_.arm(SteadyClock().now());
}

WorkerParts WorkerProcess::parts() const {
  WorkerParts parts;
  parts.pid = pid_;
  parts.started = started_;
  parts.notify_path = notify_path();
  if (group_) parts.group = group_->folder().name();
  parts.greeted = link_.greeted();
  parts.was_sent_sigkill = was_sent_sigkill_;
  parts.told_at = told_at_;
  parts.status_text = status_text_;
  parts.reported_error = reported_error_;
  parts.reported = !report_ && !adopted_;
  parts.ended = is_counted_;
  return parts;
}

void WorkerProcess::start(SpawnPlan plan) {
  directory_ = plan.directory;
  const UniqueFd entrance = group_ ? group_->folder().entrance() : UniqueFd();
  if (group_ && !entrance)
    throw std::runtime_error("cannot open the control group " + group_->folder().path() + ": " + errno_text(errno));
  plan.group_entrance = entrance.get();
  Spawned spawned = take(spawn(plan));
  pid_ = spawned.pid;
  orphans_.add_worker(pid_);
  if (const std::optional<ProcessStat> stat = process_stat(pid_)) started_ = stat->started;
  pidfd_ = std::move(spawned.pidfd);
  report_ = std::move(spawned.report);
  channel_.worker_end.reset();
  try {
    watch_process();
  } catch (...) {
    send_signal(pidfd_.get(), SIGKILL);
    siginfo_t info{};
    waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_.get()), &info, WEXITED);
    orphans_.remove_worker(pid_);
    throw;
  }
}

void WorkerProcess::watch_process() {
  report_source_ =
      loop_.add_io(report_.get(), EPOLLIN | EPOLLET, Priority::worker_message, [this](std::uint32_t) { on_report(); });
  exit_source_ =
      loop_.add_io(pidfd_.get(), EPOLLIN | EPOLLET, Priority::worker_exit, [this](std::uint32_t) { on_exit(); });
}

// By its number, which may have been reused: that is known only once the pidfd is open.
void WorkerProcess::find_process() {
  pidfd_ = open_pidfd(pid_);
  if (!pidfd_ || !is_recorded()) return pidfd_.reset();
  siginfo_t info{};
  constexpr int only_look = WEXITED | WNOHANG | WNOWAIT;
  is_child_ = waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_.get()), &info, only_look) == 0;
  exit_source_ =
      loop_.add_io(pidfd_.get(), EPOLLIN | EPOLLET, Priority::worker_exit, [this](std::uint32_t) { on_exit(); });
  if (is_child_) orphans_.add_worker(pid_);
}

// The sandbox of the next master may hide it (ProtectProc=, PrivateUsers=); then its group knows its number.
bool WorkerProcess::is_recorded() const {
  if (const std::optional<ProcessStat> stat = process_stat(pid_)) return stat->started == started_;
  if (!group_) return false;
  const std::vector<pid_t> members = group_->folder().processes();
  return std::find(members.begin(), members.end(), pid_) != members.end();
}

void WorkerProcess::on_adopted() {
  adopted_ = EventSource();
  if (pidfd_) {
    observer_.on_worker_executed(id_);
  } else if (is_counted_) {
    on_remains_gone();
  } else {
    on_exit();
  }
}

bool WorkerProcess::holds_number() const noexcept {
  if (!pidfd_ || reaped_) return false;
  pollfd ended{pidfd_.get(), POLLIN, 0};
  return is_child_ || poll(&ended, 1, 0) == 0;
}

void WorkerProcess::signal(int signal) noexcept {
  was_sent_sigkill_ = was_sent_sigkill_ || signal == SIGKILL;
  if (remains_) return remains_->signal(signal);
  if (!pidfd_ || reaped_) return;
  const bool leads = signal == SIGKILL && holds_number();
  if (send_signal(pidfd_.get(), signal) != 0 && errno != ESRCH) {
    log::error(label_ + " (pid " + std::to_string(pid_) + "): cannot send " + signal_name(signal) + ": " +
               errno_text(errno));
  }
  if (leads) kill(-pid_, signal);
}

// The first process gets it only once: a second stop signal means to many programs that they should not wait any more.
void WorkerProcess::signal_all(int signal) noexcept {
  const bool leads = !remains_ && holds_number();
  if (leads) told_at_ = boot_ticks();
  if (leads && !group_ && kill(-pid_, signal) == 0) return;  // fails before its setsid()
  this->signal(signal);
  if (!leads || !group_) return;
  const auto others = [this] {
    std::vector<ProcessName> found = processes_of(group_->folder());
    std::erase_if(found, [this](const ProcessName& each) { return each.pid == pid_; });
    return found;
  };
  Remains(loop_, others, [] {}).signal(signal);
}

// Rejected: to map the page. Each worker is a copy of the master until it executes its program, so a thousand mappings
// were copied for each start: 0.5 ms.
const StatsPage* WorkerProcess::read_stats(StatsPage& page) const noexcept {
  if (is_counted_ || pread(stats_memfd_.get(), &page, sizeof page, 0) != ssize_t{sizeof page}) return nullptr;
  const bool counts = page.layout.load(std::memory_order_relaxed) == StatsPage::layout_version;
  return counts && is_plausible(page) ? &page : nullptr;
}

bool WorkerProcess::says_ready() const noexcept {
  StatsPage of_worker;
  const StatsPage* const page = read_stats(of_worker);
  return page != nullptr && page->ready.load(std::memory_order_relaxed) == 1;
}

Counters WorkerProcess::counters() const noexcept {
  StatsPage page;
  return read_counters(read_stats(page));
}

NamedCounts WorkerProcess::named_counts() const {
  StatsPage page;
  return read_named_counts(read_stats(page));
}

std::uint64_t WorkerProcess::open_connections() const noexcept {
  std::array<char, offsetof(StatsPage, connections) + sizeof(StatsPage::connections)> front{};
  if (is_counted_ || pread(stats_memfd_.get(), front.data(), front.size(), 0) != ssize_t{front.size()}) return 0;
  std::uint32_t layout = 0;
  std::uint64_t connections = 0;
  std::memcpy(&layout, front.data(), sizeof layout);
  std::memcpy(&connections, front.data() + offsetof(StatsPage, connections), sizeof connections);
  return layout == StatsPage::layout_version && is_plausible_load(connections) ? connections : 0;
}

WorkerFacts WorkerProcess::facts() const {
  return {pid_, status_text_, reported_error_, counters(), remains_ ? remains_->text() : ""};
}

// A program of libprefork of an older version does not count it: its word stays 0.
WorkerUsage WorkerProcess::work_done(Instant now) const noexcept {
  WorkerUsage done;
  if (is_counted_) return done;
  done.cpu = done.busy = cpu_time();
  StatsPage of_worker;
  const StatsPage* const page = read_stats(of_worker);
  if (page == nullptr) return done;
  if (const std::uint64_t word = page->busy_time.load(std::memory_order_relaxed); word != 0) {
    done.busy = busy_time(word, now.time_since_epoch());
    done.reports_busy = true;
  }
  done.full = page->full.load(std::memory_order_relaxed) == 1;
  done.connections = page->connections.load(std::memory_order_relaxed);
  if (const std::uint64_t most = page->max_connections.load(std::memory_order_relaxed); is_plausible_load(most))
    done.max_connections = most;
  return done;
}

bool WorkerProcess::is_full() const noexcept {
  StatsPage of_worker;
  const StatsPage* const page = read_stats(of_worker);
  return page != nullptr && page->full.load(std::memory_order_relaxed) == 1;
}

Duration WorkerProcess::cpu_time() const noexcept {
  if (reaped_) return used_.cpu;  // its number may be another process's by now
  const auto of_all = group_ ? group_->folder().number("cpu.stat", "usage_usec") : std::nullopt;
  if (of_all) return std::chrono::microseconds(*of_all);
  return std::chrono::duration_cast<Duration>(preforkd::cpu_time(pid_).value_or(std::chrono::nanoseconds(0)));
}

const WorkerUsage& WorkerProcess::usage() const {
  constexpr Duration fresh = std::chrono::milliseconds(100);
  const Instant now = SteadyClock().now();
  if (usage_read_at_ && now - *usage_read_at_ < fresh) return usage_;
  usage_read_at_ = now;
  usage_ = WorkerUsage();
  if (!group_ && (pid_ == 0 || reaped_)) return usage_;
  usage_ = group_ ? usage_of(group_->folder()) : usage_of(pid_);
  const WorkerUsage done = work_done(now);
  usage_.busy = done.busy;
  usage_.full = done.full;
  return usage_;
}

void WorkerProcess::on_report() {
  const ExecReport report = read_exec_report(report_.get());
  for (const std::size_t file : report.changed) observer_.on_worker_file_changed(id_, file);
  if (report.kind == ExecReport::Kind::pending) return;
  report_source_ = EventSource();
  report_.reset();
  if (report.kind == ExecReport::Kind::failed) {
    exec_failure_ = report;
    if (report.step == "chdir") exec_failure_->step += ": " + escape_bytes(directory_, directory_.size());
  } else {
    observer_.on_worker_executed(id_);
  }
}

void WorkerProcess::on_received(const NotifySocket::Received& received) {
  if (const auto* unusable = std::get_if<NotifySocket::Unusable>(&received)) log_unusable("notify", unusable->reason);
  const auto* datagram = std::get_if<NotifySocket::Datagram>(&received);
  if (datagram == nullptr) return;
  if (!speaks_for(datagram->sender, pid_)) {
    log_unusable("notify", "it is from pid " + std::to_string(datagram->sender.pid) + " of uid " +
                               std::to_string(datagram->sender.uid) + ", which is not a process of this worker");
    return;
  }
  const NotifyMessage& message = datagram->message;
  if (message.status) status_text_ = *message.status;
  if (message.error) reported_error_ = message.error;
  if (message.ready) link_.take_waiting();  // its Hello came before
  observer_.on_worker_notified(id_, message);
}

void WorkerProcess::log_unusable(const char* kind, const std::string& reason) {
  const Instant now = SteadyClock().now();
  ++unusable_;
  if (now < next_unusable_line_) return;
  next_unusable_line_ = now + unusable_line_interval;
  std::string line = label_ + " (pid " + std::to_string(pid_) + "): ignored an invalid " + kind + " message: " + reason;
  if (unusable_ > 1) line += " (" + std::to_string(unusable_ - 1) + " more since the last such message)";
  unusable_ = 0;
  log::warning(line);
}

void WorkerProcess::on_exit() {
  // Messages sent before its end count first: a worker that sends READY=1 and exits was ready.
  inbox_.close();
  link_.take_waiting();
  if (report_) on_report();
  if (!is_child_) return ask_for_status();
  exit_source_ = EventSource();
  reap_delay_ = first_reap_delay;
  reap();
}

// One that was started in the same tick may have come later.
std::vector<ProcessName> WorkerProcess::mark_told(std::vector<ProcessName> processes) const {
  for (ProcessName& each : processes) each.told = each.started < told_at_ && (group_ || each.group == pid_);
  return processes;
}

// Nearly always the worker has no other processes.
void WorkerProcess::look_for_remains() {
  if (group_) {
    look_in_group();
  } else {
    look_in_session();
  }
  if (remains_ && remains_->empty()) remains_.reset();
}

void WorkerProcess::look_in_group() {
  const GroupFolder& group = group_->folder();
  if (!group.populated()) return;
  remains_ = std::make_unique<Remains>(
      loop_, [this, &group] { return mark_told(processes_of(group)); }, [this] { on_remains_gone(); },
      [&group] { group.kill(); });
}

void WorkerProcess::look_in_session() {
  const auto find = [this] {
    std::vector<ProcessName> left = left_of_worker(orphans_.all(), pid_, notify_path());
    if (!is_child_ || orphans_.gets_none()) add_left_in_session(left, pid_, started_);
    for (ProcessName& each : left) each.starts_none = link_.greeted() && each.name == control::keeper_name;
    return mark_told(std::move(left));
  };
  remains_ = std::make_unique<Remains>(loop_, find, [this] { on_remains_gone(); });
}

void WorkerProcess::on_remains_gone() {
  link_.take_waiting();  // its keeper has said what it has done
  observer_.on_remains_gone(id_);
}

// By its number, which is not reused before: waitid(2), which knows pidfds, does not say what a process has used.
void WorkerProcess::reap() {
  int ended = 0;
  rusage first{};
  const pid_t found = wait4(pid_, &ended, WNOHANG, &first);
  if (found == 0) return reap_later();
  ExitStatus status;
  if (found > 0) status = to_exit_status(ended);
  if (found > 0 && !exec_failure_) used_ = lifetime_usage(group(), first);
  if (found > 0 && exec_failure_) status = {ExitStatus::Kind::exec_failed, exec_failure_->error, exec_failure_->step};
  orphans_.remove_worker(pid_);
  end(status);
}

// Of a process that is not a child. Its parent, mostly PID 1, reaps it, and its status is known then. That normally
// takes a moment. A parent that does not do it must not keep the slot empty.
void WorkerProcess::ask_for_status() {
  const std::optional<int> ended = pidfd_ ? wait_status(pidfd_.get()) : std::nullopt;
  if (pidfd_ && !ended && errno == EAGAIN && !reap_timer_) {
    exit_source_.watch(0);  // EPOLLHUP comes when it is reaped
    reap_timer_ = loop_.add_timer(Priority::worker_exit, std::chrono::milliseconds(1), [this] { ask_for_status(); });
    return reap_timer_.arm(SteadyClock().now() + max_status_wait);
  }
  exit_source_ = EventSource();
  reap_timer_ = EventSource();
  if (group_) used_ = lifetime_usage(&group_->folder(), {});
  end(ended ? to_exit_status(*ended) : ExitStatus{});
}

void WorkerProcess::end(const ExitStatus& status) {
  reaped_ = true;
  look_for_remains();
  if (!remains_) link_.take_waiting();  // a keeper may have done its work before it could be found
  const bool remains = remains_ != nullptr;
  observer_.on_worker_gone(id_, status);
  if (remains) is_counted_ = true;
}

// A dead process that is traced must first be reaped by its tracer, and its pidfd is readable meanwhile. strace(1) and
// gdb(1) mostly do so at once, and then the status decides what follows in the slot. A tracer that does not (it waits
// at its prompt) must not keep the slot empty: then the worker counts as one that leaves.
void WorkerProcess::reap_later() {
  if (!reap_timer_) {
    reap_timer_ = loop_.add_timer(Priority::worker_exit, std::chrono::milliseconds(1), [this] { reap(); });
  }
  reap_timer_.arm(SteadyClock().now() + reap_delay_);
  if (reap_delay_ == max_reap_delay) return;
  reap_delay_ = std::min(reap_delay_ * 2, max_reap_delay);
  if (reap_delay_ < max_reap_delay) return;
  log::warning(label_ + " (pid " + std::to_string(pid_) +
               ") has died; its exit status will be known when its tracer, pid " +
               std::to_string(process_status_number(pid_, "TracerPid").value_or(0)) + ", releases it");
  NotifyMessage leaves;
  leaves.stopping = true;
  observer_.on_worker_notified(id_, leaves);
}

}  // namespace preforkd
