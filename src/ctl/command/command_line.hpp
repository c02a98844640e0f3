// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ctl/bus/bus_target.hpp"

namespace preforkd::ctl {

struct Verb;

enum class JsonMode { off, compact, pretty };
enum class MetricsFormat { open_metrics, prometheus };

// What the command line asks for.
struct Options {
  const Verb* verb = nullptr;  // of verbs()
  std::vector<std::string> arguments;
  std::vector<std::string> passed_on;  // what came after "--" where the verb runs another program

  BusTarget bus;
  std::optional<std::string> root;  // the pools' configs are below it
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

  bool help = false;
  bool version = false;
};

// Throws ExitError (64) whose one line names what is wrong and points to --help. Options may stand anywhere before
// "--". The verb is "list" where there is none.
[[nodiscard]] Options parse_options(int argc, const char* const* argv);

// What --help prints.
[[nodiscard]] std::string help_text();

// Check an argument of a verb; each throws ExitError (64) that says what one looks like.

// A pool's name; also its unit's, "preforkd@echo.service" or "preforkd@echo.socket".
[[nodiscard]] std::string pool_argument(const std::string& text);

[[nodiscard]] std::uint32_t slot_argument(const std::string& text);

// A number of workers.
[[nodiscard]] std::uint32_t workers_argument(const std::string& text);

}  // namespace preforkd::ctl
