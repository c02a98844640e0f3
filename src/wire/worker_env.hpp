// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/errors.hpp"
#include "base/time_span.hpp"
#include "base/worker_variables.hpp"

// The environment variables of the worker contract: each worker gets those that systemd gives a service
// (sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)), and a few of our own. The master writes them, libprefork
// reads them. PREFORK_POOL and PREFORK_WORKER are in base/worker_variables.hpp.
namespace preforkd::worker_env {

inline constexpr char listen_pid[] = "LISTEN_PID";
inline constexpr char listen_pidfdid[] = "LISTEN_PIDFDID";  // of newer systemd; neither set nor passed on
inline constexpr char listen_fds[] = "LISTEN_FDS";
inline constexpr char listen_fdnames[] = "LISTEN_FDNAMES";
inline constexpr char notify_socket[] = "NOTIFY_SOCKET";
inline constexpr char watchdog_usec[] = "WATCHDOG_USEC";
inline constexpr char watchdog_pid[] = "WATCHDOG_PID";
inline constexpr char generation[] = "PREFORK_GENERATION";  // 1, 2, …
inline constexpr char drain_usec[] = "PREFORK_DRAIN_USEC";  // how long a worker that leaves may take, in microseconds
inline constexpr char settings[] = "PREFORK_SETTINGS";      // the config's "settings" object as JSON
inline constexpr char control_fd[] = "PREFORK_CONTROL_FD";  // lifeline: end-of-file means that there is no master
inline constexpr char stats_fd[] = "PREFORK_STATS_FD";      // memfd of one StatsPage

inline constexpr int first_listen_fd = 3;  // SD_LISTEN_FDS_START

// The contract's values for one worker's environment. LISTEN_PID and WATCHDOG_PID hold the worker's own pid, which only
// the child knows: encode() leaves them out and spawn adds them.
struct Contract {
  std::string pool;
  unsigned slot = 0;
  unsigned generation = 1;
  std::string settings;                   // JSON object
  std::vector<std::string> listen_names;  // one per listening socket, in fd order
  std::string notify_socket;              // path, or '@' and an abstract name
  std::optional<Duration> watchdog;
  std::optional<Duration> drain;  // drain_timeout: the master's limit, and that of a worker without a master
  int control_fd = -1;
  int stats_fd = -1;
};

// True for every variable of the contract: the master removes them from what it inherited before it adds a worker's
// own.
[[nodiscard]] bool is_contract_variable(std::string_view name) noexcept;

// "NAME=value" strings without LISTEN_PID and WATCHDOG_PID.
[[nodiscard]] std::vector<std::string> encode(const Contract& contract);

// Which worker of which pool a process is.
struct Member {
  std::string pool;
  unsigned slot = 0;
  unsigned generation = 1;
};

// What this process was given, read from environ. Absent parts are empty, -1 or nullopt; LISTEN_* and WATCHDOG_* count
// only if their _PID is this process's. Fails for a malformed variable, which the reason names.
struct Given {
  std::optional<Member> member;  // set only under preforkd (PREFORK_POOL, PREFORK_WORKER and PREFORK_GENERATION)
  std::vector<std::string> listen_names;  // size = number of listening sockets from first_listen_fd on
  std::string notify_socket;
  std::optional<Duration> watchdog;
  std::optional<Duration> drain;
  std::string settings;
  int control_fd = -1;
  int stats_fd = -1;
};
[[nodiscard]] Result<Given> decode();

// Removes the contract's variables from this process's environment, so that a worker's children do not use them.
void unset_all() noexcept;

}  // namespace preforkd::worker_env
