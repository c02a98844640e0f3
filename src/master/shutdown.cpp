// SPDX-License-Identifier: MIT
#include "master/shutdown.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/time_span.hpp"
#include "master/base/log.hpp"
#include "master/base/message_id.hpp"

namespace preforkd {

Shutdown::Shutdown(const Parts& parts, std::string user, std::function<void()> on_news)
    : parts_(parts), user_(std::move(user)), on_news_(std::move(on_news)) {}

void Shutdown::request(const std::string& why) {
  // Ctrl-C under a supervisor, or stopping a container, may send two at a time; they count as one.
  constexpr Duration one_and_the_same = std::chrono::milliseconds(100);
  const bool repeated = clock_.now() - requested_at_ < one_and_the_same;
  if (parts_.pool.state() == PoolState::stopping) {
    if (repeated) return;
    log::warning(why + " again: killing the remaining workers");
    parts_.pool.step(event::StopNow{});
    parts_.sweep.kill();
    return;
  }
  if (asks_if_restarted_ && repeated) return;
  if (parts_.succession.works() && started_ && !asks_if_restarted_ && !leaves_workers_)
    return ask_whether_restarted(why);
  drain(why);
}

void Shutdown::drain(const std::string& why) {
  log::info(why + ": draining all workers for at most " + format_time_span(parts_.control.config().drain_timeout) +
                "; a second signal kills them",
            {message_id::field(message_id::pool_stopping)});
  begin();
}

void Shutdown::begin() {
  parts_.pool.step(event::Stop{});
  requested_at_ = clock_.now();
  parts_.notifier.stopping(parts_.control.status());
}

// Only if systemd starts it again: its socket units must hold every socket. A drained pool would be forgotten, and a
// load balancer send clients again.
void Shutdown::leave_idle() {
  if (parts_.control.drained()) return;
  const std::vector<ListenSockets::Open> sockets = parts_.sockets.all();
  const bool all_passed = std::all_of(sockets.begin(), sockets.end(), [](const ListenSockets::Open& socket) {
    return socket.origin == ListenSockets::Origin::passed;
  });
  if (!parts_.sockets.has_socket_unit() || !all_passed || !parts_.control.unapplied().empty()) return;
  const Duration idle = parts_.control.config().scale->idle_exit.value_or(Duration{0});
  log::info(
      "no worker and no client for " + format_time_span(idle) + ": preforkd exits, the next client starts it again",
      {message_id::field(message_id::pool_idle)});
  begin();
}

bool Shutdown::requested() const {
  return parts_.pool.state() == PoolState::stopping || asks_if_restarted_ || leaves_workers_;
}

void Shutdown::ask_whether_restarted(const std::string& why) {
  asks_if_restarted_ = true;
  requested_at_ = clock_.now();
  parts_.control_plane.ask_for_unit_jobs([this, why](const UnitJobs& jobs) {
    on_news_();
    if (parts_.pool.state() == PoolState::stopping) return;
    if (next_can_adopt(jobs)) {
      leave_workers();
    } else {
      drain(why);
    }
  });
}

// Not if it will be another user, or if the units of the pool change: what workers inherited of these would be old.
bool Shutdown::next_can_adopt(const UnitJobs& jobs) const {
  const bool same_user =
      jobs.user == user_ || (jobs.user.empty() && geteuid() == 0) || jobs.user == std::to_string(geteuid());
  if (!jobs.restarts_service || jobs.of_sockets || !same_user || !parts_.control.unapplied().empty()) return false;
  const auto plan = parts_.control.plan();
  return !plan || std::none_of(plan->changes.begin(), plan->changes.end(), [](const ConfigChange& change) {
    return change.needs == ChangeNeeds::socket || change.needs == ChangeNeeds::unit;
  });
}

void Shutdown::leave_workers() {
  log::info("restart: the workers continue, and the next preforkd replaces them",
            {message_id::field(message_id::pool_stopping)});
  leaves_workers_ = true;
  parts_.succession.leave_workers();
  parts_.notifier.stopping(parts_.control.status());
}

bool Shutdown::ended() {
  if (leaves_workers_) return parts_.notifier.all_sent();
  return all_gone() && parts_.succession.store_cleared();
}

bool Shutdown::all_gone() {
  if (!parts_.pool.scheduler().finished() || parts_.sweep.busy()) return false;
  const PoolConfig& config = parts_.control.config();
  if (!std::exchange(swept_, true)) parts_.sweep.end_all(config.stop_signal, config.drain_timeout);
  return !parts_.sweep.busy() && sockets_left();
}

// A socket unit that is started again must find its addresses free, so then no socket is left to it. Nor if systemd
// does not answer.
bool Shutdown::sockets_left() {
  if (!parts_.sockets.has_socket_unit()) return true;
  if (!std::exchange(asked_for_socket_jobs_, true)) {
    parts_.control_plane.ask_for_unit_jobs([this](const UnitJobs& jobs) {
      on_news_();
      socket_jobs_ = jobs.of_sockets;
    });
  }
  if (!socket_jobs_) return false;
  if (*socket_jobs_) {
    parts_.listener_store.clear();
    parts_.sockets.leave_none_behind();
  }
  return true;
}

}  // namespace preforkd
