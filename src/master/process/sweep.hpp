// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "master/base/event_loop.hpp"
#include "master/process/orphans.hpp"
#include "master/process/remains.hpp"
#include "master/process/worker_parts.hpp"

namespace preforkd {

// Ends processes of the pool that no master supervises: they get the stop signal, and SIGKILL after drain_timeout. In a
// service these are all in its control group, where systemd leaves them alone (KillMode=process); elsewhere all
// orphans of workers. Only a stop waits for it. Then it removes their groups.
class Sweep {
 public:
  // `service`: from service_group(). Calls `on_done` from the event loop when all of them have ended.
  Sweep(EventLoop& loop, const std::optional<std::string>& service, const Orphans& orphans,
        std::function<void()> on_done);

  // Ends what earlier masters left, except workers that were `adopted`; in a service only. Call it before the first
  // worker is started.
  void end_elders(int stop_signal, Duration drain_timeout, const std::vector<WorkerParts>& adopted = {});
  // Ends everything but this process. Call it when no worker is left.
  void end_all(int stop_signal, Duration drain_timeout);
  // Sends SIGKILL to what is left now, and to what is found later.
  void kill() noexcept;

  [[nodiscard]] bool busy() const noexcept { return remains_ != nullptr; }
  // When SIGKILL ends it.
  [[nodiscard]] std::optional<Instant> ends() const noexcept { return busy() ? ends_ : std::nullopt; }

 private:
  // `groups`: of those that `find` lists.
  void begin(Remains::Find find, std::vector<GroupFolder> groups, const std::string& whose, int stop_signal,
             Duration drain_timeout);
  void end();
  void on_gone();

  EventLoop& loop_;
  std::optional<GroupFolder> service_;
  const Orphans& orphans_;
  std::function<void()> on_done_;
  EventSource deadline_;
  std::optional<Instant> ends_;
  bool kills_ = false;
  std::vector<GroupFolder> groups_;
  std::unique_ptr<Remains> remains_;
};

}  // namespace preforkd
