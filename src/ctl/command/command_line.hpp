// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ctl/rollout/rollout_settings.hpp"
#include "pools/bus/bus_target.hpp"
#include "pools/metrics_text.hpp"

namespace preforkd::ctl {

struct Verb;

enum class JsonMode { off, compact, pretty };

// The parsed command line.
struct Options {
  const Verb* verb = nullptr;  // of verbs()
  std::vector<std::string> arguments;
  std::vector<std::string> passed_on;  // arguments after "--", for a verb that runs another program

  BusTarget bus;
  std::optional<std::string> root;  // the pools' configs are below this folder
  JsonMode json = JsonMode::off;
  bool legend = true;
  bool pager = true;
  bool quiet = false;
  bool full = false;
  bool ask_password = true;

  bool all = false;
  bool follow = false;
  std::vector<std::string> properties;  // empty: all
  bool only_values = false;
  std::string lines;
  std::int32_t signal = SIGTERM;
  MetricsFormat format = MetricsFormat::open_metrics;

  std::vector<std::string> hosts;
  RolloutSettings rollout;
  bool dry_run = false;
  bool from_start = false;

  bool help = false;
  bool version = false;
};

// Throws ExitError (64) whose one line names the error and points to --help. Options may be anywhere before "--".
// Without a verb it is "list".
[[nodiscard]] Options parse_options(int argc, const char* const* argv);

// The output of --help.
[[nodiscard]] std::string help_text();

// Check an argument of a verb; each throws ExitError (64) that describes a valid one.

// A pool's name; also its unit's, "preforkd@echo.service" or "preforkd@echo.socket".
[[nodiscard]] std::string pool_argument(const std::string& text);

[[nodiscard]] std::uint32_t slot_argument(const std::string& text);

// A number of workers.
[[nodiscard]] std::uint32_t workers_argument(const std::string& text);

}  // namespace preforkd::ctl
