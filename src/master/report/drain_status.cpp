// SPDX-License-Identifier: MIT
#include "master/report/drain_status.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <map>

#include "base/counted.hpp"

namespace preforkd {
namespace {

constexpr std::size_t max_listed = 4;

std::tm local(WallTime time) {
  const std::time_t seconds = WallTime::clock::to_time_t(time);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return parts;
}

// "15:04:05" in local time, with the date if that is not today.
std::string time_of_day(WallTime at, WallTime now) {
  const std::tm then = local(at);
  const std::tm today = local(now);
  const bool same_day = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), same_day ? "%T" : "%F %T", &then);
  return {text.data(), length};
}

std::string describe_one(const GenerationDrain& drain, Instant now, WallTime wall_now) {
  std::string text = counted(drain.workers, "worker") + " of generation " + std::to_string(drain.generation);
  if (drain.connections) text += " with " + counted(*drain.connections, "connection");
  if (!drain.deadline) return text + " (killed)";
  const WallTime at = wall_now + std::max(*drain.deadline - now, Duration(0));
  return text + " until " + time_of_day(std::chrono::ceil<std::chrono::seconds>(at), wall_now);
}

}  // namespace

std::vector<GenerationDrain> drains_of(const std::vector<WorkerView>& workers, const WorkerLookup& lookup) {
  std::map<unsigned, GenerationDrain> drains;
  for (const WorkerView& worker : workers) {
    if (worker.state != WorkerState::draining || (worker.remains && worker.moves)) continue;
    GenerationDrain& drain = drains[worker.generation];
    drain.generation = worker.generation;
    ++drain.workers;
    if (const Counters counters = lookup(worker.id).counters; counters.counts) {
      drain.connections = drain.connections.value_or(0) + counters.connections;
    }
    // An empty optional is less than every deadline.
    drain.deadline = std::max(drain.deadline, worker.drain_deadline);
  }
  std::vector<GenerationDrain> list;
  list.reserve(drains.size());
  for (const auto& [generation, drain] : drains) list.push_back(drain);
  return list;
}

std::string describe(const std::vector<GenerationDrain>& drains, Instant now, WallTime wall_now) {
  std::string text;
  for (std::size_t i = 0; i < drains.size() && i < max_listed; ++i) {
    text += (text.empty() ? "" : ", ") + describe_one(drains[i], now, wall_now);
  }
  if (drains.size() > max_listed) text += " and " + counted(drains.size() - max_listed, "generation") + " more";
  return text;
}

}  // namespace preforkd
