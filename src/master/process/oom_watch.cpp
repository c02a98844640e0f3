// SPDX-License-Identifier: MIT
#include "master/process/oom_watch.hpp"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <set>
#include <system_error>

namespace preforkd {

void OomWatch::add(WorkerId id, const GroupFolder& group) {
  const auto worker = workers_.try_emplace(id, group).first;
  if (!worker->second.kills.known()) {
    workers_.erase(worker);
    return;
  }
  if (!has_inotify()) return;
  worker->second.watch = inotify_add_watch(inotify_.get(), OomKills::path_in(group).c_str(), IN_MODIFY);
}

// The file also changes while memory_high slows a worker down: looked at twice a second, and once for all changes.
bool OomWatch::has_inotify() {
  if (inotify_) return true;
  inotify_.reset(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify_) return false;
  try {
    source_ = loop_.add_io(inotify_.get(), EPOLLIN, Priority::worker_message, [this](std::uint32_t) { on_change(); });
    source_.limit_rate(std::chrono::seconds(1), 2);
  } catch (const std::system_error&) {
    inotify_.reset();
  }
  return inotify_.valid();
}

void OomWatch::remove(WorkerId id) noexcept {
  const auto worker = workers_.find(id);
  if (worker == workers_.end()) return;
  if (worker->second.watch >= 0) inotify_rm_watch(inotify_.get(), worker->second.watch);
  workers_.erase(worker);
}

std::optional<bool> OomWatch::explain_death(WorkerId id, Instant now) {
  const auto worker = workers_.find(id);
  return worker == workers_.end() ? std::nullopt : std::optional(worker->second.kills.explain_death(now));
}

void OomWatch::on_change() {
  std::set<int> changed;
  bool all = false;  // more have changed than the kernel has reported
  alignas(inotify_event) std::array<char, 4096> buffer{};
  for (ssize_t size = 0; (size = read(inotify_.get(), buffer.data(), buffer.size())) > 0;) {
    inotify_event event{};
    for (std::size_t at = 0; at < static_cast<std::size_t>(size); at += sizeof event + event.len) {
      std::memcpy(&event, buffer.data() + at, sizeof event);
      changed.insert(event.wd);
      all = all || (event.mask & IN_Q_OVERFLOW) != 0;
    }
  }
  const Instant now = SteadyClock().now();
  for (auto& [id, worker] : workers_) {
    if (all || changed.contains(worker.watch)) worker.kills.look(now);
  }
}

}  // namespace preforkd
