// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string_view>

namespace preforkd::ctl {

class Context;

inline constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

struct Verb {
  std::string_view name;
  std::string_view arguments;  // as --help shows them
  std::string_view help;
  std::size_t min_arguments;
  std::size_t max_arguments;
  bool passes_on;  // arguments after "--" are for another program

  // Returns the exit status; throws ExitError.
  int (*run)(Context& context);
};

// In the order of --help.
[[nodiscard]] std::span<const Verb> verbs();

// Each in verb/NAME.cpp; drain.cpp has two.
int run_apply(Context& context);
int run_check(Context& context);
int run_drain(Context& context);
int run_undrain(Context& context);
int run_events(Context& context);
int run_kill(Context& context);
int run_list(Context& context);
int run_logs(Context& context);
int run_metrics(Context& context);
int run_plan(Context& context);
int run_recycle(Context& context);
int run_reload(Context& context);
int run_rollout(Context& context);
int run_scale(Context& context);
int run_rebalance(Context& context);
int run_upgrade(Context& context);
int run_show(Context& context);
int run_status(Context& context);
int run_version(Context& context);
int run_watch(Context& context);
int run_why(Context& context);
int run_workers(Context& context);

}  // namespace preforkd::ctl
