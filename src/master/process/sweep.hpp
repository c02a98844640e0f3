// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "master/base/event_loop.hpp"
#include "master/process/remains.hpp"

namespace preforkd {

// Ends processes in the service's control group that no master looks after: they get the stop signal, and SIGKILL after
// drain_timeout. systemd leaves them alone (KillMode=process). Nothing waits for it but a stop.
class Sweep {
 public:
  // `group`: of service_group(); nullopt: nothing is ever done. `on_done` is called from the event loop when all of
  // them are gone.
  Sweep(EventLoop& loop, std::optional<std::string> group, std::function<void()> on_done);

  // What earlier masters left. To be called before the first worker is started.
  void end_elders(int stop_signal, Duration drain_timeout);
  // Everything but this process. To be called when no worker is left.
  void end_all(int stop_signal, Duration drain_timeout);
  // What is left now, and whatever is found later.
  void kill() noexcept;

  [[nodiscard]] bool busy() const noexcept { return remains_ != nullptr; }
  // When SIGKILL ends it.
  [[nodiscard]] std::optional<Instant> ends() const noexcept { return busy() ? ends_ : std::nullopt; }

 private:
  void begin(Remains::Find find, const std::string& whose, int stop_signal, Duration drain_timeout);
  void on_gone();

  EventLoop& loop_;
  const std::optional<std::string> group_;
  std::function<void()> on_done_;
  EventSource deadline_;
  std::optional<Instant> ends_;
  bool kills_ = false;
  std::unique_ptr<Remains> remains_;
};

}  // namespace preforkd
