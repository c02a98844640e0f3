// SPDX-License-Identifier: MIT
#include "config/reader/scale_reader.hpp"

#include <array>
#include <chrono>

namespace preforkd {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::weeks;

constexpr std::array<std::string_view, 7> keys_of_scale = {"queue", "busy",     "up",       "down",
                                                           "step",  "idle_for", "idle_exit"};

constexpr unsigned max_queue = 1'000'000;

void read_busy(ConfigReader& scale, std::optional<double>& out) {
  const ConfigReader::Json* const value = scale.find("busy");
  double share = 0;
  if (value != nullptr && *value == "off") {
    out.reset();
  } else if (scale.read_percent("busy", share, {1, 100})) {
    out = share;
  }
}

}  // namespace

void read_scale(ConfigReader& workers, std::optional<ScaleConfig>& out) {
  auto scale = workers.object("scale");
  if (!scale) return;
  scale->allow_only(keys_of_scale);
  ScaleConfig& config = out.emplace();
  scale->read_number("queue", config.queue, {1, max_queue});
  read_busy(*scale, config.busy);
  scale->read_span("up", config.up, {20ms, 1min});
  scale->read_span("down", config.down, {1s, days(1)});
  scale->read_workers_or_percent("step", config.step, max_workers);
  scale->read_span("idle_for", config.idle_for, {1s, weeks(1)});
  scale->read_span_or_off("idle_exit", config.idle_exit, {1s, weeks(1)});
}

std::span<const std::string_view> scale_keys() noexcept { return keys_of_scale; }

}  // namespace preforkd
