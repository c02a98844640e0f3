// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/listener.hpp"
#include "base/time_span.hpp"
#include "base/unique_fd.hpp"
#include "config/values/cpu_affinity.hpp"
#include "config/values/file_stamp.hpp"
#include "config/values/group_limit.hpp"
#include "config/values/resource_limits.hpp"

namespace preforkd {

inline constexpr unsigned max_workers = 10000;

// A pool's config, checked: all later parts of the master rely on it. config.hpp reads it from a file or a command
// line.
struct ListenConfig {
  std::string text;  // as written
  Address address;
  std::string name;         // LISTEN_FDNAMES; default: the pool's name
  ListenOptions options;    // ipv6_only: [::] with an entry for 0.0.0.0 at the same port
  std::string user_name{};  // as written; empty: not set
  std::string group_name{};
};

struct WorkerCount {
  unsigned initial = 1;
  unsigned min = 1;  // 0 only with `scale`
  unsigned max = 1;  // equal to min and initial for a plain number
};

// How the load changes the number of workers between min and max (master/pool/autoscale.hpp).
struct ScaleConfig {
  unsigned queue = 1;                            // clients in the accept queues, from which on they count as waiting
  std::optional<double> busy = 0.8;              // share of the workers' time, from which on they are busy
  Duration up = std::chrono::milliseconds(100);  // they wait for so long: more workers
  Duration down = std::chrono::minutes(5);       // one fewer would have been enough for so long: one fewer
  std::variant<unsigned, double> step = 0.25;    // workers added at once, or a fraction of them (rounded up)
  Duration idle_for = std::chrono::minutes(5);   // with min 0: no client for so long: no worker
  std::optional<Duration> idle_exit;             // with min 0: preforkd ends so long after its last worker
};

struct RestartConfig {
  Duration delay = std::chrono::milliseconds(100);  // after the second crash; the first is replaced at once
  Duration max_delay = std::chrono::seconds(30);
  Duration forget_after = std::chrono::seconds(30);  // this much ready time clears the slot's crashes
  std::vector<int> never{};                          // exit statuses after which the slot stays down
};

struct RecycleConfig {
  std::uint64_t requests = 0;  // 0: off
  std::optional<Duration> age;
  std::optional<std::uint64_t> memory;  // bytes
  double jitter = 0.1;                  // fraction of each limit, seeded by slot
  unsigned at_most = 1;                 // workers recycled at the same time
};

struct ReloadConfig {
  std::variant<unsigned, double> max_surge = 1U;  // workers, or a fraction of them (rounded up, at least 1)
  unsigned max_unavailable = 0;
  Duration soak{0};           // default with "ready": "exec": exec_soak
  unsigned max_draining = 2;  // older generations that may still drain; further reloads wait
};

// What is set in a worker's process before it executes the program. Anything not set is inherited from the master.
struct ProcessConfig {
  std::optional<mode_t> umask;
  std::optional<int> nice;
  std::vector<ResourceLimit> limits;  // each resource once
  CpuAffinity cpu_affinity;
};

enum class ReadyMode { notify, exec };

// Whom the stop signal reaches, in systemd's words (KillMode=). After drain_timeout SIGKILL reaches all processes.
enum class StopMode {
  control_group,  // all processes of the worker
  mixed,          // its first process; when that has ended, the others get SIGKILL
  process,        // its first process; when that has ended, the others
};
inline constexpr std::array<std::string_view, 3> stop_words = {"control-group", "mixed", "process"};  // in a config

// When connections are moved so that the workers have equally many, without a request of an operator.
enum class RebalanceMode { on_resize, off };

// Default of reload.soak with "ready": "exec", where no READY=1 distinguishes a program that works from one that ends
// at once: by then an interpreter has usually read the program and its modules.
inline constexpr Duration exec_soak = std::chrono::seconds(2);

// How much systemd restricts the pool's processes; the config's words are "default" and "strict".
enum class Sandbox { usual, strict };

struct PoolConfig {
  std::string name;  // is_pool_name()
  std::string description;
  std::string file;      // the config file as given, empty if the pool came from the command line
  std::string document;  // all that was read, as one JSON object in CBOR, with the program's path as it was found
  std::vector<std::string> doubts;  // keys that are allowed, but have no effect
  std::vector<ListenConfig> listen;
  std::vector<std::string>
      program;  // program[0] is an absolute path (found in PATH if it was a plain name) and executable
  WorkerCount workers;
  std::optional<ScaleConfig> scale;  // nullopt: only an operator changes the number of workers
  ReadyMode ready = ReadyMode::notify;
  Duration start_timeout = std::chrono::seconds(10);
  Duration drain_timeout = std::chrono::seconds(30);
  std::optional<Duration> hang_timeout;
  StopMode stop = StopMode::control_group;
  int stop_signal = 15;
  std::optional<Duration> alert_after = std::chrono::seconds(30);
  RestartConfig restart;
  RecycleConfig recycle;
  ReloadConfig reload;
  RebalanceMode rebalance = RebalanceMode::on_resize;
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> environment_files;  // a leading '-' allows the file to be missing, as in systemd.exec(5)
  std::string directory = "/";
  std::string user;  // of the pool's service; empty: the unit decides
  Sandbox sandbox = Sandbox::usual;
  std::vector<std::string> writable;  // absolute paths that stay writable in the sandbox
  ProcessConfig process;
  std::vector<GroupLimit> group_limits;  // each once
  std::string settings = "{}";           // JSON object for PREFORK_SETTINGS
  // Stamps of the program, of its arguments that are absolute paths, and of the environment files, from when this was
  // read.
  std::vector<FileStamp> files;
  std::shared_ptr<const UniqueFd> program_file;  // program[0] as it was then; null if it cannot be held (hold_program)
};

}  // namespace preforkd
