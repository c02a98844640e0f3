// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "master/bus/bus_connection.hpp"
#include "master/bus/bus_context.hpp"
#include "master/bus/log_control.hpp"
#include "master/bus/unit_jobs.hpp"

namespace preforkd {

class PoolObject;
class WorkerObject;

// The pool on the message bus: its objects, their signals, and the authorization of their methods. All signals are sent
// from settle(), after the pool has handled the turn's events: a client that sees a worker in a signal finds its
// object.
class ControlPlane final : public PoolObserver {
 public:
  // Borrows all. `bus_address`: empty for none.
  ControlPlane(EventLoop& loop, const std::string& bus_address, PoolControl& control, const Clock& clock);
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;
  ~ControlPlane() override;

  void reload_finished(const ReloadResult& result);

  // What systemd is about to do with the units of the pool. Answers once, maybe at once; as UnitJobs() if that cannot
  // be found out. Right after the start it waits for the connection, for two seconds at most.
  void ask_for_unit_jobs(std::function<void(const UnitJobs& jobs)> answer);

  // Call it after each turn of the loop in which something happened.
  void settle();
  void flush() { bus_.flush(); }

 private:
  struct Started {
    unsigned slot, pid, generation;
  };
  struct Ready {
    unsigned slot, pid, generation;
  };
  struct Exited {
    unsigned slot, pid, generation;
    std::string cause;
    std::string kind;
    int status;
    std::string text;
  };
  struct Reloaded {
    bool ok;
    unsigned generation;
    std::string message;
  };
  using PoolSignal = std::variant<Started, Ready, Exited, Reloaded>;
  struct Objects;  // the objects that live as long as a connection

  void on_worker_started(const WorkerView& worker) override;
  void on_worker_ready(const WorkerView& worker) override;
  void on_worker_draining(const WorkerView& worker, ExitCause why) override;
  void on_worker_killed(const WorkerView& worker, ExitCause why, int signal) override;
  void on_worker_exited(const ExitRecord& exit) override;
  void on_launch_failed(unsigned slot, const Error& error, Instant next_try_at) override;

  void on_open(sdbus::IConnection& connection);
  void add_signal(PoolSignal signal, unsigned slot);
  void update_workers();
  void send_signals();
  void answer_early_question();
  [[nodiscard]] bool is_shown(unsigned slot) const;

  PoolControl& control_;
  const Clock& clock_;
  WallTimes times_;
  LastReload last_reload_;
  const std::uint64_t started_at_;
  BusReplies replies_;
  std::vector<PoolSignal> signals_;  // to be sent in settle()
  std::set<unsigned> changed_slots_;
  unsigned known_target_ = 0;
  std::unique_ptr<Objects> objects_;
  BusConnection bus_;
  std::function<void(const UnitJobs& jobs)> early_question_;
  EventSource give_up_;
};

}  // namespace preforkd
