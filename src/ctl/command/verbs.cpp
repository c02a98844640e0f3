// SPDX-License-Identifier: MIT
#include "ctl/command/verbs.hpp"

#include <array>

namespace preforkd::ctl {
namespace {

constexpr auto table = std::to_array<Verb>({
    {"list", "", "list all pools", 0, 0, false, run_list},
    {"status", "[POOL...]", "show state, load, listen backlog, workers and last reload; default: of all pools", 0,
     any_number, false, run_status},
    {"workers", "POOL", "list worker processes", 1, 1, false, run_workers},
    {"show", "POOL [SLOT]", "print all properties of a pool or slot as NAME=VALUE, for scripts", 1, 2, false, run_show},
    {"why", "POOL [SLOT]", "show why workers ended, newest first, and the last output of a failed one", 1, 2, false,
     run_why},
    {"reload", "POOL", "read the config again and replace the workers; wait for the result", 1, 1, false, run_reload},
    {"apply", "POOL", "make all config changes effective, also in systemd; restart only if needed", 1, 1, false,
     run_apply},
    {"plan", "POOL", "show what a reload would change", 1, 1, false, run_plan},
    {"scale", "POOL N|auto", "set the number of workers, or let the load decide", 2, 2, false, run_scale},
    {"rebalance", "POOL", "move open connections so that the workers have equally many", 1, 1, false, run_rebalance},
    {"drain", "POOL", "ask load balancers for no new clients, as preforkd-agent(8) does", 1, 1, false, run_drain},
    {"undrain", "POOL", "end a drain", 1, 1, false, run_undrain},
    {"upgrade", "POOL", "execute the installed preforkd in place of the running one; the workers stay", 1, 1, false,
     run_upgrade},
    {"rollout", "POOL --hosts=...", "reload the pool on several hosts, or upgrade them, one after the other", 1, 1,
     false, run_rollout},
    {"recycle", "POOL SLOT...|--all", "replace workers, each when its successor is ready", 1, any_number, false,
     run_recycle},
    {"kill", "POOL SLOT", "send a signal to a worker; it is replaced if it ends", 2, 2, false, run_kill},
    {"events", "POOL", "print events as they happen, until Ctrl-C or until the pool leaves", 1, 1, false, run_events},
    {"watch", "POOL", "show a live table of the workers on the terminal", 1, 1, false, run_watch},
    {"logs", "POOL [SLOT] [-- OPTION...]", "show the journal of the pool and its workers; OPTIONs are for journalctl",
     1, 2, true, run_logs},
    {"metrics", "[POOL]", "print load and health in OpenMetrics format, for monitoring", 0, 1, false, run_metrics},
    {"check", "POOL|FILE", "check a config (preforkd --check)", 1, 1, false, run_check},
    {"version", "", "print the versions of preforkctl and of the pools on the bus", 0, 0, false, run_version},
});

}  // namespace

std::span<const Verb> verbs() { return table; }

}  // namespace preforkd::ctl
