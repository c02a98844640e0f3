// SPDX-License-Identifier: MIT
#include "ctl/command/verbs.hpp"

#include <array>

namespace preforkd::ctl {
namespace {

constexpr auto table = std::to_array<Verb>({
    {"list", "", "all pools, a line each", 0, 0, false, run_list},
    {"status", "[POOL...]", "how a pool is: load, queues, workers, the last reload; without POOL: all pools", 0,
     any_number, false, run_status},
    {"workers", "POOL", "its worker processes, a line each", 1, 1, false, run_workers},
    {"show", "POOL [SLOT]", "all properties of a pool or a worker as NAME=VALUE, for scripts", 1, 2, false, run_show},
    {"why", "POOL [SLOT]", "why workers ended, newest first, with the last words of one that failed", 1, 2, false,
     run_why},
    {"reload", "POOL", "read the config again and replace the workers; waits for the result", 1, 1, false, run_reload},
    {"apply", "POOL", "bring systemd's units and the pool up to its config; restarts only if it must", 1, 1, false,
     run_apply},
    {"plan", "POOL", "what a reload would change", 1, 1, false, run_plan},
    {"scale", "POOL N", "set the number of workers", 2, 2, false, run_scale},
    {"recycle", "POOL SLOT...|--all", "replace workers, each when its successor is ready", 1, any_number, false,
     run_recycle},
    {"kill", "POOL SLOT", "send a worker a signal; it is replaced if it ends", 2, 2, false, run_kill},
    {"events", "POOL", "what happens in it, a line each, until Ctrl-C or until the pool leaves", 1, 1, false,
     run_events},
    {"watch", "POOL", "a table of its workers that follows what they do; for a terminal", 1, 1, false, run_watch},
    {"logs", "POOL [SLOT] [-- OPTION...]", "its lines in the journal, and its workers'; OPTIONs are journalctl's", 1, 2,
     true, run_logs},
    {"metrics", "[POOL]", "load and health, for monitoring", 0, 1, false, run_metrics},
    {"check", "POOL|FILE", "check a pool's config (preforkd --check)", 1, 1, false, run_check},
    {"version", "", "the versions of preforkctl and of the pools on the bus", 0, 0, false, run_version},
});

}  // namespace

std::span<const Verb> verbs() { return table; }

}  // namespace preforkd::ctl
