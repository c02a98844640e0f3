// SPDX-License-Identifier: MIT
#include "config/reader/replacement_reader.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

#include "base/time_span.hpp"

namespace preforkd {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::weeks;

constexpr std::array<std::string_view, 4> keys_of_restart = {"delay", "max_delay", "forget_after", "never"};
constexpr std::array<std::string_view, 5> keys_of_recycle = {"requests", "age", "memory", "jitter", "at_most"};
constexpr std::array<std::string_view, 4> keys_of_reload = {"max_surge", "max_unavailable", "soak", "max_draining"};

constexpr unsigned max_draining_generations = 100;

void read_never(ConfigReader& restart, std::vector<int>& out) {
  const Json* const value = restart.find("never");
  if (value == nullptr) return;
  if (!value->is_array()) {
    restart.refuse("never", "must be an array of exit statuses: [78]");
    return;
  }
  std::vector<int> statuses;
  for (const Json& entry : *value) {
    const std::string below = '[' + std::to_string(&entry - &value->front()) + ']';
    const bool is_status = entry.is_number_unsigned() && entry >= 1 && entry <= 255;
    if (!is_status) {
      restart.refuse_below("never", below, entry, "must be an exit status of a failure, a number from 1 to 255");
    } else if (std::find(statuses.begin(), statuses.end(), entry.get<int>()) != statuses.end()) {
      restart.refuse_below("never", below, entry, "is listed twice");
    } else {
      statuses.push_back(entry.get<int>());
    }
  }
  out = std::move(statuses);
}

}  // namespace

void read_restart(ConfigReader& config, RestartConfig& out) {
  auto restart = config.object("restart");
  if (!restart) return;
  restart->allow_only(keys_of_restart);
  const bool delay = restart->read_span("delay", out.delay, {10ms, days(1)});
  restart->read_span("max_delay", out.max_delay, {10ms, days(1)});
  restart->read_span("forget_after", out.forget_after, {0ms, weeks(1)});
  read_never(*restart, out.never);
  if (out.delay <= out.max_delay) return;
  if (delay) {
    restart->refuse("delay", "must be at most restart.max_delay (" + format_time_span(out.max_delay) + ')');
  } else {
    restart->refuse("max_delay", "must be at least restart.delay (" + format_time_span(out.delay) + ')');
  }
}

void read_recycle(ConfigReader& config, RecycleConfig& out) {
  constexpr std::uint64_t max_requests = std::numeric_limits<std::int64_t>::max();
  constexpr std::uint64_t min_memory = 1024 * 1024;
  auto recycle = config.object("recycle");
  if (!recycle) return;
  recycle->allow_only(keys_of_recycle);
  recycle->read_number("requests", out.requests, {0, max_requests});
  recycle->read_span_or_off("age", out.age, {1s, weeks(53)});
  recycle->read_size_or_off("memory", out.memory, min_memory);
  recycle->read_percent("jitter", out.jitter, {0, 100});
  recycle->read_number("at_most", out.at_most, {1, max_workers});
}

void read_reload(ConfigReader& config, ReloadConfig& out) {
  auto reload = config.object("reload");
  if (!reload) return;
  reload->allow_only(keys_of_reload);
  reload->read_workers_or_percent("max_surge", out.max_surge, max_workers);
  reload->read_number("max_unavailable", out.max_unavailable, {0, max_workers});
  reload->read_span("soak", out.soak, {0ms, days(1)});
  reload->read_number("max_draining", out.max_draining, {1, max_draining_generations});
}

std::span<const std::string_view> restart_keys() noexcept { return keys_of_restart; }
std::span<const std::string_view> recycle_keys() noexcept { return keys_of_recycle; }
std::span<const std::string_view> reload_keys() noexcept { return keys_of_reload; }

}  // namespace preforkd
