// SPDX-License-Identifier: MIT
#include "master/scale/load_meter.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace preforkd {

void LoadMeter::begin(Instant now) {
  now_ = now;
  full_ = true;
  busy_ = time_ = cpu_ = Duration{0};
}

void LoadMeter::add(WorkerId id, const WorkerUsage& usage) {
  present_[id] = {usage, now_};
  full_ = full_ && usage.full;
  const auto found = before_.find(id);
  if (found == before_.end() || found->second.at >= now_) return;
  // The worker writes its counters: they may be nonsense.
  const Duration passed = now_ - found->second.at;
  busy_ += std::clamp(usage.busy - found->second.usage.busy, Duration{0}, passed);
  cpu_ += std::max(usage.cpu - found->second.usage.cpu, Duration{0});
  time_ += passed;
}

void LoadMeter::end(PoolLoad& load) {
  load.full = full_ && !present_.empty();
  load.busy = busy_;
  load.time = time_;
  load.cpu = cpu_;
  before_ = std::exchange(present_, {});
}

bool LoadMeter::others_have_room(WorkerId leaving) const {
  constexpr std::uint64_t tenths_used = 9;
  std::uint64_t connections = 0;
  std::uint64_t places = 0;
  for (const auto& [id, before] : before_) {
    connections += before.usage.connections;
    if (id == leaving) continue;
    if (before.usage.max_connections == 0) return true;
    places += before.usage.max_connections;
  }
  return connections * 10 <= places * tenths_used;
}

}  // namespace preforkd
