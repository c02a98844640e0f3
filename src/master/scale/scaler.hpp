// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "master/base/event_loop.hpp"
#include "master/pool/autoscale.hpp"
#include "master/pool/pool.hpp"
#include "master/process/process_launcher.hpp"
#include "master/scale/load_meter.hpp"
#include "master/scale/load_sensor.hpp"
#include "master/sockets/listen_sockets.hpp"

namespace preforkd {

// Measures the load of a pool and makes it larger or smaller, as Autoscale says, if its config and the operator let the
// load decide. Otherwise it watches nothing and has no timer.
class Scaler final : public PoolObserver {
 public:
  // All must outlive it. `on_idle`: there has been no worker and no client for scale.idle_exit.
  Scaler(EventLoop& loop, Pool& pool, ProcessLauncher& launcher, const ListenSockets& sockets, const Clock& clock,
         std::function<void()> on_idle);

  // At the start, and when the config or the sockets are others.
  void configure(const PoolConfig& config);
  // A worker says that it is busy.
  void on_busy() { stir(); }
  // After each turn in which the pool may have changed.
  void settle();

 private:
  void on_worker_started(const WorkerView& worker) override;
  void ask_to_report(WorkerId id);
  void begin();
  void end() noexcept;
  void stir();
  void look();
  [[nodiscard]] PoolLoad measure(Instant now);
  [[nodiscard]] bool all_full();
  [[nodiscard]] bool may_shrink() const;  // by the last look of meter_
  [[nodiscard]] double cpus(Instant now);
  void settle_idle();
  void arm();

  Pool& pool_;
  ProcessLauncher& launcher_;
  const ListenSockets& sockets_;
  const Clock& clock_;
  const std::function<void()> on_idle_;
  WorkerCount limits_;
  std::optional<ScaleConfig> config_;
  std::vector<unsigned> affinity_;
  Autoscale autoscale_{ScaleConfig{}};
  LoadSensor sensor_;
  LoadMeter meter_;
  WorkerId not_full_{};  // at the last look
  EventSource timer_;
  EventSource idle_timer_;
  bool scales_ = false;
  Standing standing_ = Standing::changing;
  bool empty_ = false;
  std::optional<Instant> armed_;
  double cpus_ = 1;
  std::optional<Instant> cpus_known_at_;
};

// "5 clients wait, for 125ms", "the workers were busy for 91 % of 1s".
[[nodiscard]] std::string to_string(const ScaleDecision& decision);

}  // namespace preforkd
