// SPDX-License-Identifier: MIT
#include "master/scale/load_meter.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace preforkd {

void LoadMeter::begin(Instant now) {
  now_ = now;
  silent_ = false;
  busy_ = time_ = cpu_ = Duration{0};
}

void LoadMeter::add(WorkerId id, const WorkerUsage& usage) {
  silent_ = silent_ || !usage.reports_busy;
  Seen& seen = workers_[id];
  const Seen before = std::exchange(seen, {now_, usage.busy, usage.cpu, usage.connections, usage.max_connections});
  if (before.at == Instant{} || before.at >= now_) return;
  // The worker writes its counters: they may be nonsense.
  const Duration passed = now_ - before.at;
  busy_ += std::clamp(usage.busy - before.busy, Duration{0}, passed);
  cpu_ += std::max(usage.cpu - before.cpu, Duration{0});
  time_ += passed;
}

void LoadMeter::end(PoolLoad& load) {
  load.silent = silent_;
  load.busy = busy_;
  load.time = time_;
  load.cpu = cpu_;
  std::erase_if(workers_, [this](const auto& each) { return each.second.at != now_; });
}

bool LoadMeter::others_have_room(WorkerId leaving) const {
  constexpr std::uint64_t tenths_used = 9;
  std::uint64_t connections = 0;
  std::uint64_t places = 0;
  for (const auto& [id, seen] : workers_) {
    connections += seen.connections;
    if (id == leaving) continue;
    if (seen.max_connections == 0) return true;
    places += seen.max_connections;
  }
  return connections * 10 <= places * tenths_used;
}

}  // namespace preforkd
