// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/errors.hpp"
#include "config/values/pool_config.hpp"
#include "master/base/instant.hpp"

namespace preforkd {

// One started process. Never reused: a slot's replacement has a new id.
enum class WorkerId : std::uint64_t {};

// Draining: it was asked to leave, sent STOPPING=1, or was killed and has not ended yet.
enum class WorkerState { starting, ready, draining };
[[nodiscard]] std::string_view to_string(WorkerState state) noexcept;

// Why a worker process ended. Every exit has exactly one cause.
enum class ExitCause {
  exit,
  signal,
  start_timeout,
  hang,
  recycled,
  scaled_down,
  reloaded,
  operator_request,
  drain_timeout,
  oom
};
inline constexpr std::size_t exit_cause_count = static_cast<std::size_t>(ExitCause::oom) + 1;
[[nodiscard]] std::string_view to_string(ExitCause cause) noexcept;  // "start-timeout", …; operator_request: "operator"

// How a process ended, as the kernel reports it. For a program that could not be executed: the failed step and the
// errno as value.
struct ExitStatus {
  enum class Kind { exited, signaled, dumped, exec_failed, unknown };
  Kind kind = Kind::unknown;
  int value = 0;     // exit status, signal number, or errno of exec_failed
  std::string step;  // exec_failed only: "execve", "chdir", …
};
[[nodiscard]] std::string_view to_string(ExitStatus::Kind kind) noexcept;  // "exited", …; exec_failed: "exec-failed"
// "exit status 3", "signal 9 (SIGKILL)", "signal 6 (SIGABRT), core dumped", "execve: No such file or directory
// (ENOENT)", "unknown status".
[[nodiscard]] std::string to_string(const ExitStatus& status);

// What a worker has used in its life. 0: unknown.
struct LifetimeUsage {
  Duration cpu{0};               // processor time, user and system
  std::uint64_t max_memory = 0;  // bytes, the most at a time
  bool operator==(const LifetimeUsage&) const = default;
};

// What worker processes are started from. A reload makes a new Generation; its processes keep it alive. Its config may
// be exchanged for another that would have started the same processes (event::Adopt).
struct Generation {
  unsigned number = 1;
  std::shared_ptr<const PoolConfig> config;
};

// How a worker's connections are passed on and split into messages. They may move to a worker that does the same.
struct Moves {
  std::uint32_t protocol = 0;
  std::uint64_t framing = 0;
  bool operator==(const Moves&) const = default;
};

// Why other workers did not take connections that were offered to them: transfer::Refusal, and what is known without an
// offer.
enum class NotTaken : std::uint8_t {
  full,
  leaving,
  no_listener,
  kept_state,
  failed,
  framing,      // none has the framing and protocol of the giver
  no_on_adopt,  // none has on_adopt
};
inline constexpr std::size_t not_taken_count = 7;
[[nodiscard]] std::string_view to_string(NotTaken reason) noexcept;
// How many, by reason. One that was offered several times may be counted several times.
using NotTakenCounts = std::array<std::uint64_t, not_taken_count>;

struct Launch {
  WorkerId id{};
  unsigned slot = 0;
  std::shared_ptr<const Generation> generation;
};

// What the pool asks of the outside. No call blocks; results come back later as events, never from within a Launcher
// call.
class Launcher {
 public:
  virtual ~Launcher() = default;
  // Starts a process. Fails if none was made (EAGAIN, ENOMEM, EMFILE, …): the pool retries.
  [[nodiscard]] virtual Result<void> start(const Launch& launch) noexcept = 0;
  // Sends a signal to a worker: the stop signal to those that PoolConfig::stop says, another one to its first process
  // while that lives; SIGKILL, and any signal to a worker's remains, go to all of its processes. Does nothing if the
  // worker has ended.
  virtual void signal(WorkerId id, int signal) noexcept = 0;
  // Workers whose messages could not arrive for some time since the last call, or still cannot. Called whenever a
  // deadline is due.
  [[nodiscard]] virtual std::vector<WorkerId> unheard() noexcept = 0;

  // Tells the one worker to give its connections to the other, at most `max` resting ones; 0: all, because it leaves.
  // If that can't be done, the giver is dismissed.
  virtual void introduce(WorkerId giver, WorkerId taker, std::uint32_t max) noexcept = 0;
  // Tells a worker that no other one can take its connections.
  virtual void dismiss(WorkerId giver) noexcept = 0;
  // Gives each of the two workers one end of a socket pair, for messages between them. If that can't be done now, it is
  // done later.
  virtual void meet(WorkerId one, WorkerId other) noexcept = 0;
  // The open connections of a worker; 0 if its program does not count them.
  [[nodiscard]] virtual std::uint64_t load(WorkerId id) const noexcept = 0;
};

}  // namespace preforkd
