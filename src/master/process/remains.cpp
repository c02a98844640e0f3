// SPDX-License-Identifier: MIT
#include "master/process/remains.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include "base/escape.hpp"
#include "base/pidfd.hpp"
#include "base/process_facts.hpp"

namespace preforkd {
namespace {

constexpr std::size_t max_named = 5;
constexpr const char* notify_socket = "NOTIFY_SOCKET";

bool contains(const std::vector<ProcessName>& processes, pid_t pid) {
  return std::any_of(processes.begin(), processes.end(), [&](const ProcessName& each) { return each.pid == pid; });
}

}  // namespace

std::vector<ProcessName> living(const std::vector<pid_t>& orphans) {
  std::vector<ProcessName> found;
  for (const pid_t pid : orphans) {
    const std::optional<ProcessStat> stat = process_stat(pid);
    if (stat && stat->lives()) found.push_back({pid, stat->name, stat->group, stat->started});
  }
  return found;
}

std::vector<ProcessName> left_of_worker(const std::vector<pid_t>& orphans, pid_t leader,
                                        const std::string& notify_path) {
  std::vector<ProcessName> found = living(orphans);
  const bool is_reused = getsid(leader) >= 0;  // its number, and the session is another one's
  std::erase_if(found, [&](const ProcessName& each) {
    const bool is_of_session = !is_reused && getsid(each.pid) == leader;
    return !is_of_session && environment_variable(each.pid, notify_socket) != notify_path;
  });
  return found;
}

void add_left_in_session(std::vector<ProcessName>& found, pid_t leader, std::uint64_t started) {
  const std::optional<ProcessStat> of_number = process_stat(leader);
  if (of_number && of_number->started != started) return;  // it is reused
  std::vector<pid_t> members;
  for_each_process([&](pid_t pid) {
    if (getsid(pid) == leader && !contains(found, pid)) members.push_back(pid);
    return true;
  });
  for (ProcessName& each : living(members)) found.push_back(std::move(each));
}

std::vector<ProcessName> processes_of(const GroupFolder& group) {
  std::vector<ProcessName> found;
  for (const pid_t pid : group.processes()) {
    const std::optional<ProcessStat> stat = process_stat(pid);
    if (!stat) found.push_back({pid, "?"});
    if (stat && stat->lives()) found.push_back({pid, stat->name, stat->group, stat->started});
  }
  return found;
}

Remains::Remains(EventLoop& loop, Find find, std::function<void()> on_gone, std::function<void()> kill)
    : loop_(loop), find_(std::move(find)), on_gone_(std::move(on_gone)), kill_(std::move(kill)) {
  look();
}

// Searches until it finds nothing new: a process that has ended may have started a child meanwhile, and its number may
// have been reused before its pidfd was opened.
void Remains::look() {
  constexpr int max_looks = 50;
  bool any_new = true;
  for (int looks = 1; any_new; ++looks) {
    const std::vector<ProcessName> found = find_();
    std::erase_if(left_, [&](const Left& each) { return !contains(found, each.process.pid); });
    any_new = false;
    for (const ProcessName& process : found) {
      const bool known =
          std::any_of(left_.begin(), left_.end(), [&](const Left& each) { return each.process.pid == process.pid; });
      if (known || looks == max_looks) continue;
      any_new = any_new || !process.starts_none;
      watch(process);
    }
    if (signal_ != 0 && !any_new) signal(signal_);
  }
}

void Remains::watch(const ProcessName& process) {
  UniqueFd pidfd = open_pidfd(process.pid);
  if (!pidfd) return;
  try {
    EventSource source = loop_.add_io(pidfd.get(), EPOLLIN, Priority::worker_exit,
                                      [this, pid = process.pid](std::uint32_t) { on_end(pid); });
    left_.push_back({process, std::move(pidfd), std::move(source)});
  } catch (const std::system_error&) {
    // The kernel is out of some resource. Reporting the worker's own end, which is in progress, matters more.
  }
}

void Remains::signal(int signal) noexcept {
  signal_ = signal;
  if (signal == SIGKILL && kill_) kill_();
  for (const Left& each : left_) {
    if (signal == SIGKILL || !each.process.told) send_signal(each.pidfd.get(), signal);
  }
}

void Remains::on_end(pid_t pid) {
  const auto ended =
      std::find_if(left_.begin(), left_.end(), [&](const Left& each) { return each.process.pid == pid; });
  const bool may_have_left_some = ended != left_.end() && !ended->process.starts_none;
  if (ended != left_.end()) left_.erase(ended);
  if (left_.empty() && may_have_left_some) look();
  if (!left_.empty()) return;
  const std::function<void()> on_gone = std::move(on_gone_);
  on_gone();
}

std::string Remains::text() const {
  std::string text;
  std::size_t named = 0;
  for (const Left& each : left_) {
    if (++named > max_named) break;
    const ProcessName& process = each.process;
    text += (text.empty() ? "pid " : ", pid ") + std::to_string(process.pid) + " (" + escape_bytes(process.name) + ")";
  }
  if (left_.size() > max_named) text += " and " + std::to_string(left_.size() - max_named) + " more";
  return text;
}

}  // namespace preforkd
