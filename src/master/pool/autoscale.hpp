// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "config/values/pool_config.hpp"
#include "master/base/instant.hpp"
#include "master/pool/pool_view.hpp"

namespace preforkd {

// A pool and its load at one time.
struct PoolLoad {
  unsigned target = 0;
  unsigned min = 0;
  unsigned max = 0;
  Standing standing = Standing::changing;
  unsigned waiting = 0;  // clients in the accept queues, unless there are workers but none is ready to accept them
  bool or_more = false;  // maybe more wait: the kernel does not report how many
  bool full = false;     // every ready worker is at its max_connections

  // The rest costs more to find out: only if Autoscale::needs_usage().
  // The highest slot has no worker that is ready or starts; or it is not the only one that is ready, its connections,
  // if any, can move, and the other workers have room for all.
  bool may_shrink = false;
  bool silent = false;  // a ready worker does not report by itself that it is busy
  // Since this was found out before, of the workers that are ready now and were then.
  Duration busy{0};  // sum of the time that they were busy,
  Duration time{0};  // of all their time,
  Duration cpu{0};   // and of their CPU time
  double cpus = 1;   // how many CPUs they may use
};

enum class ScaleReason : std::uint8_t {
  waiting,  // clients wait to be accepted
  full,     // every worker is at its max_connections
  busy,     // the workers are busy
  quiet,    // one fewer is enough
  idle,     // no client: no worker
};
// A new number of workers, and why.
struct ScaleDecision {
  unsigned target = 0;
  ScaleReason reason{};
  unsigned waiting = 0;          // clients, now,
  bool or_more = false;          // or more
  std::optional<double> busy{};  // the share of the workers' time; nullopt: not measured
  Duration over{0};              // how long this was so
};

// How many workers a pool should have for its load. Pure code: what is measured goes in (look()), a number comes out.
//
//   up    Clients wait, or all workers are full, at each look for `up`; or the workers are busy for busy_window. By
//         `step`, and not again before all of these workers are ready: their start is the delay of this control loop,
//         and without the pause it would overshoot. Clients that the workers will have accepted in a moment, because
//         the queue becomes shorter fast enough, do not count. A pool without workers gets one at once.
//   hold  A worker starts, or a reload has begun: nothing that was seen before counts afterwards. Also if the workers
//         use nearly all CPU time that they may use: more of them would only share it. A pool with a slot that fails
//         does not grow, since new workers fail as well; but it may shrink.
//   down  For all of `down` no client has waited for `up`, and the other workers would not have been busy with all of
//         the load. By one, and only if no connection is lost. If the pool has to grow again soon after, it waits twice
//         as long the next time, up to max_patience times: a load that only looks smaller (programs that wait for a
//         database) makes it swing less and less.
//   idle  With min 0: no client has connected for `idle_for` and no connection is open. The last worker leaves.
//
// Clients that wait at one instant mean nothing, because each one waits for a moment. So they must wait at several
// looks.
//
// There is no look without an occasion (stir()), except when fewer workers may be enough: a pool with nothing to do has
// no wake-ups. After an occasion it looks until a busy_window without another one has passed. If a worker does not
// report by itself that it is busy, and the pool could have more, a slow look makes up for that: work that comes over
// connections that exist is not seen otherwise. If they seem busy, it is an occasion.
class Autoscale {
 public:
  static constexpr Duration busy_window = std::chrono::seconds(1);
  static constexpr Duration slow_interval = std::chrono::seconds(5);
  static constexpr Duration soon_drained = std::chrono::seconds(3);
  static constexpr int looks_until_up = 4;
  static constexpr int max_patience = 8;
  static constexpr double enough = 0.7;       // of `busy`: the load that the others may have after a step down
  static constexpr double seems_busy = 0.5;   // of `busy`: maybe it was all of that for half of the slow_interval
  static constexpr double idle_share = 0.05;  // of time, which a program that counts no connections may use when idle
  static constexpr double nearly_all_cpu = 0.8;

  explicit Autoscale(const ScaleConfig& config) : config_(config) {}
  void configure(const ScaleConfig& config) { config_ = config; }
  // Nothing that was seen before counts afterwards, except how often the pool has swung.
  void reset();

  // A client has connected, a worker says that it is busy, or the pool, which has `target` workers, has become
  // steady or fails.
  void stir(unsigned target, Instant now);
  // When look() is due if nothing happens before.
  [[nodiscard]] std::optional<Instant> next_look() const;
  // Whether a look at `load` depends on what costs more to find out. It does once for each window as long as the number
  // stays, and not at each look at the accept queues.
  [[nodiscard]] bool needs_usage(const PoolLoad& load, Instant now) const;
  // nullopt: the number stays.
  [[nodiscard]] std::optional<ScaleDecision> look(const PoolLoad& load, Instant now);

 private:
  // Busy time, and the time of which it is a part.
  struct Share {
    Duration busy{0};
    Duration time{0};
    void add(const PoolLoad& load) {
      busy += load.busy;
      time += load.time;
    }
    [[nodiscard]] std::optional<double> value() const {
      if (time <= Duration{0}) return std::nullopt;
      return static_cast<double>(busy.count()) / static_cast<double>(time.count());
    }
  };
  // At each look since then, clients waited or all workers were full.
  struct Pressed {
    Instant since{};
    unsigned waiting = 0;  // clients, then
  };
  // The load while there is an occasion to look, for busy_window.
  struct Window {
    Instant began{};
    Share share;
    Duration cpu{0};
  };
  // One fewer worker is enough.
  struct Quiet {
    Instant since{};
    Instant until{};  // then it leaves
    Share share;
  };

  void forget();
  void count(const PoolLoad& load, Duration elapsed, Instant now);
  void note_usage(const PoolLoad& load, Instant now);
  [[nodiscard]] std::optional<Instant> slow_look() const;
  [[nodiscard]] bool drains_soon(const PoolLoad& load, Instant now) const;
  void look_on(Instant now);
  [[nodiscard]] std::optional<ScaleDecision> up(const PoolLoad& load, Instant now);
  [[nodiscard]] std::optional<ScaleDecision> down(const PoolLoad& load, bool occasion, Instant now);
  [[nodiscard]] std::optional<ScaleDecision> end_of_quiet(const PoolLoad& load, Instant now);
  [[nodiscard]] ScaleDecision grow(const PoolLoad& load, ScaleReason reason, Instant since, Instant now);
  [[nodiscard]] ScaleDecision shrink(const PoolLoad& load, Instant now);
  void begin_quiet(const PoolLoad& load, Instant now);
  [[nodiscard]] bool may_grow(const PoolLoad& load) const;
  [[nodiscard]] bool window_ends(Instant now) const { return window_ && now >= window_->began + busy_window; }
  [[nodiscard]] bool pressed_for_long(Instant now) const { return pressed_ && now >= pressed_->since + config_.up; }
  [[nodiscard]] bool others_can_do(std::optional<double> share, unsigned target) const;

  ScaleConfig config_;
  unsigned target_ = 0;  // at the last look, or what it has decided
  Standing standing_ = Standing::changing;
  unsigned max_ = 0;  // at the last look
  std::optional<Instant> last_look_;
  Instant usage_known_at_{};
  bool silent_ = false;          // as of then
  std::optional<Instant> soon_;  // there was an occasion: when to look
  bool stirred_ = false;         // there was one since the window began
  bool may_grow_ = false;        // at the last look
  std::optional<Pressed> pressed_;
  std::optional<Window> window_;
  bool no_cpu_left_ = false;  // as of window_, or of the one before while this is too short
  std::optional<Quiet> quiet_;
  std::optional<Instant> last_down_;  // unless the pool has grown since
  unsigned downs_ = 0;                // since it has grown
  int patience_ = 1;
};

}  // namespace preforkd
