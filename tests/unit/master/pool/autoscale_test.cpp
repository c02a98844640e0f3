// SPDX-License-Identifier: MIT
// The policy of autoscaling against a simulated pool: workers that take time to start, clients that wait in a queue,
// and a limited number of CPUs, on a fake clock.
#include "master/pool/autoscale.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <vector>

namespace preforkd {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration tick = milliseconds(5);
constexpr Duration edge_interval = milliseconds(100);  // as LoadSensor's

// Each worker serves one client at a time.
class SimulatedPool {
 public:
  struct Change {
    Duration at{};
    unsigned before = 0;
    ScaleDecision decision;
  };

  // `load`: the work that clients bring, in workers that it would keep busy.
  explicit SimulatedPool(std::function<double(Duration)> load) : load_(std::move(load)) {}

  ScaleConfig config;
  unsigned min = 1;
  unsigned max = 16;
  Duration request = milliseconds(100);  // how long a worker takes for one
  Duration start = milliseconds(200);    // how long a worker takes to be ready
  double cpu_share = 1;                  // of a request's time
  double cpus = 1000;
  bool busy_is_cpu = false;    // a program that does not tell when it is busy
  double work = 0;             // of the time of each worker, for clients that are connected
  bool workers_crash = false;  // those that are started from now on
  bool may_shrink = true;

  void run(Duration time) {
    if (!scale_) {
      scale_.emplace(config);
      target = ready_ = min;
      free_at_.assign(min, Duration{0});
    }
    for (const Duration end = now_ + time; now_ < end; now_ += tick) step();
  }

  [[nodiscard]] std::vector<Change> changes_after(Duration at) const {
    std::vector<Change> found;
    std::copy_if(changes.begin(), changes.end(), std::back_inserter(found),
                 [&](const Change& c) { return c.at >= at; });
    return found;
  }

  [[nodiscard]] Duration now() const { return now_; }
  [[nodiscard]] std::size_t waiting() const { return queue_; }
  [[nodiscard]] std::optional<Instant> next_look() const { return scale_->next_look(); }

  unsigned target = 0;
  unsigned most = 0;
  int looks = 0;
  int measurements = 0;  // looks that needed the usage of the workers
  std::vector<Change> changes;

 private:
  [[nodiscard]] Instant instant() const { return Instant{hours(1)} + now_; }

  void step() {
    while (!starting_.empty() && !workers_crash && starting_.front() <= now_) {
      starting_.pop_front();
      ++ready_;
      free_at_.push_back(now_);
      if (steady()) scale_->stir(target, instant());
    }
    arrive();
    serve();
    const auto next = scale_->next_look();
    if (next && *next <= instant()) look();
  }

  [[nodiscard]] bool steady() const { return ready_ == target; }

  void arrive() {
    const double per_second = load_(now_) / std::chrono::duration<double>(request).count();
    arrived_ += per_second * std::chrono::duration<double>(tick).count();
    if (arrived_ < 1) return;
    queue_ += static_cast<std::size_t>(arrived_);
    arrived_ -= std::floor(arrived_);
    if (now_ < next_edge_) return;
    next_edge_ = now_ + edge_interval;
    scale_->stir(target, instant());
  }

  void serve() {
    const auto working =
        static_cast<double>(std::count_if(free_at_.begin(), free_at_.end(), [&](Duration at) { return at > now_; }));
    // Those that have to share the CPUs take longer.
    const double speed = working * cpu_share > cpus ? cpus / (working * cpu_share) : 1;
    for (Duration& free_at : free_at_) {
      time_ += tick;
      const Duration worked{static_cast<Duration::rep>(static_cast<double>(tick.count()) * work)};
      busy_ += worked;
      cpu_ += worked;
      if (free_at <= now_ && queue_ > 0) {
        --queue_;
        free_at = now_ + request;
      }
      if (free_at <= now_) continue;
      free_at += Duration{static_cast<Duration::rep>((1 - speed) * static_cast<double>(tick.count()))};
      const Duration cpu{static_cast<Duration::rep>(static_cast<double>(tick.count()) * cpu_share * speed)};
      cpu_ += cpu;
      busy_ += busy_is_cpu ? cpu : tick;
    }
  }

  void look() {
    ++looks;
    PoolLoad load{.target = target,
                  .min = min,
                  .max = max,
                  .standing = steady()        ? Standing::steady
                              : workers_crash ? Standing::failing
                                              : Standing::changing,
                  .waiting = static_cast<unsigned>(queue_),
                  .full = false};
    if (scale_->needs_usage(load, instant())) {
      ++measurements;
      load.may_shrink = may_shrink;
      load.silent = busy_is_cpu;
      load.busy = std::exchange(busy_, Duration{0});
      load.time = std::exchange(time_, Duration{0});
      load.cpu = std::exchange(cpu_, Duration{0});
      load.cpus = cpus;
    }
    const auto decision = scale_->look(load, instant());
    if (!decision) return;
    changes.push_back({now_, target, *decision});
    ASSERT_NE(decision->target, target);
    ASSERT_GE(decision->target, min);
    ASSERT_LE(decision->target, max);
    for (; target < decision->target; ++target) starting_.push_back(now_ + start);
    for (; target > decision->target; --target) {
      --ready_;
      free_at_.pop_back();
    }
    most = std::max(most, target);
  }

  std::function<double(Duration)> load_;
  std::optional<Autoscale> scale_;
  Duration now_{0};
  Duration next_edge_{0};
  unsigned ready_ = 0;
  std::deque<Duration> starting_;
  std::vector<Duration> free_at_;  // of each ready worker
  std::size_t queue_ = 0;
  double arrived_ = 0;
  Duration busy_{0};
  Duration time_{0};
  Duration cpu_{0};
};

std::function<double(Duration)> constant(double workers) {
  return [workers](Duration) { return workers; };
}

// Up, then down, then up again… Steps in the same direction are one swing.
std::size_t swings(const std::vector<SimulatedPool::Change>& changes) {
  std::size_t count = 0;
  int direction = 0;
  for (const auto& change : changes) {
    const int now = change.decision.target > change.before ? 1 : -1;
    if (now != direction) ++count;
    direction = now;
  }
  return count;
}

TEST(Autoscale, a_step_of_load_gets_the_workers_that_it_needs_and_they_stay) {
  for (const double load : {2.5, 4.0, 7.5}) {
    SimulatedPool pool([load](Duration at) { return at < seconds(10) ? 0.2 : load; });
    pool.run(minutes(2));
    EXPECT_GE(pool.target, load / 0.8) << load;
    EXPECT_LE(pool.target, 2 * load + 1) << load;  // and for those who have waited meanwhile
    EXPECT_EQ(pool.waiting(), 0U) << load;
    pool.run(hours(2));
    EXPECT_LE(pool.changes_after(minutes(2)).size(), 2U) << load;
    EXPECT_LE(swings(pool.changes), 2U) << load;
  }
}

TEST(Autoscale, the_first_worker_more_comes_as_soon_as_clients_have_waited_long_enough) {
  SimulatedPool pool([](Duration at) { return at < seconds(10) ? 0.0 : 5.0; });
  pool.run(seconds(20));
  ASSERT_FALSE(pool.changes.empty());
  const auto& first = pool.changes.front();
  EXPECT_EQ(first.decision.reason, ScaleReason::waiting);
  EXPECT_GE(first.decision.waiting, 1U);
  EXPECT_GE(first.decision.over, milliseconds(100));
  EXPECT_LE(first.at, seconds(10) + milliseconds(200));
}

TEST(Autoscale, a_short_burst_changes_nothing) {
  SimulatedPool pool([](Duration at) { return at % seconds(10) < tick ? 10.0 : 0.1; });
  pool.request = milliseconds(5);  // so a burst is 10 clients, and 50 ms of work
  pool.run(minutes(10));
  EXPECT_TRUE(pool.changes.empty());
}

TEST(Autoscale, a_saw_tooth_that_is_shorter_than_down_keeps_its_workers) {
  SimulatedPool pool([](Duration at) {
    return 0.5 +
           4.0 * static_cast<double>((at % minutes(2)).count()) / static_cast<double>(Duration(minutes(2)).count());
  });
  pool.run(minutes(4));
  const unsigned needed = pool.target;
  EXPECT_GE(needed, 5U);
  pool.run(hours(2));
  EXPECT_TRUE(pool.changes_after(minutes(4)).empty());
  EXPECT_EQ(pool.target, needed);
}

TEST(Autoscale, a_slow_saw_tooth_swings_once_for_each_tooth) {
  SimulatedPool pool([](Duration at) { return at % hours(1) < minutes(20) ? 5.0 : 0.5; });
  pool.run(hours(5));
  EXPECT_LE(swings(pool.changes), 10U);
  EXPECT_LE(pool.most, 9U);
}

TEST(Autoscale, workers_that_start_slowly_do_not_make_it_overshoot) {
  SimulatedPool quick([](Duration at) { return at < seconds(10) ? 0.2 : 3.0; });
  quick.run(minutes(10));
  SimulatedPool slow([](Duration at) { return at < seconds(10) ? 0.2 : 3.0; });
  slow.start = seconds(20);
  slow.run(minutes(10));
  // Clients that came meanwhile wait until there are a few more workers than the load needs.
  EXPECT_LE(slow.most, quick.most + 3);
  EXPECT_LE(slow.most, 7U);
  EXPECT_EQ(slow.waiting(), 0U);
  for (std::size_t i = 1; i < slow.changes.size(); ++i)
    EXPECT_GE(slow.changes[i].at - slow.changes[i - 1].at, seconds(20));
}

TEST(Autoscale, does_not_grow_while_workers_crash) {
  SimulatedPool pool([](Duration at) { return at < seconds(10) ? 0.2 : 5.0; });
  pool.workers_crash = true;
  pool.run(hours(1));
  EXPECT_EQ(pool.changes.size(), 1U);
  EXPECT_EQ(pool.target, 2U);
  pool.workers_crash = false;
  pool.run(minutes(1));
  EXPECT_GT(pool.target, 2U);
}

TEST(Autoscale, does_not_add_workers_that_would_only_share_the_cpu_time) {
  for (const double cpus : {0.5, 1.0, 3.0}) {
    SimulatedPool pool(constant(10));
    pool.cpus = cpus;
    pool.run(minutes(30));
    EXPECT_GE(pool.target, cpus) << cpus;
    EXPECT_LE(pool.target, cpus * 1.5 + 1.0) << cpus;
    EXPECT_LE(swings(pool.changes), 1U) << cpus;
  }
}

TEST(Autoscale, adds_workers_that_wait_for_something_else_than_the_cpu) {
  SimulatedPool pool(constant(5));
  pool.cpus = 1;
  pool.cpu_share = 0.05;
  pool.run(minutes(5));
  EXPECT_GE(pool.target, 6U);
  EXPECT_EQ(pool.waiting(), 0U);
}

// CPU time shows nothing of the load: it always looks as if fewer workers were enough.
TEST(Autoscale, swings_less_and_less_if_the_load_only_looks_smaller) {
  SimulatedPool pool(constant(2.9));
  pool.cpu_share = 0.02;
  pool.busy_is_cpu = true;
  pool.run(hours(4));
  EXPECT_LE(swings(pool.changes_after(hours(2))), 2U * 3);  // every 40 minutes one down and up again
  EXPECT_GE(pool.target, 2U);
}

TEST(Autoscale, keeps_within_its_limits) {
  SimulatedPool pool(constant(100));
  pool.max = 7;
  pool.config.step = 5U;
  pool.run(minutes(1));
  EXPECT_EQ(pool.target, 7U);
  ASSERT_GE(pool.changes.size(), 2U);
  EXPECT_EQ(pool.changes.front().decision.target, 6U);
}

TEST(Autoscale, goes_down_one_at_a_time_after_a_long_time_without_need) {
  SimulatedPool pool([](Duration at) { return at < minutes(1) ? 4.0 : 0.1; });
  pool.run(minutes(1));
  const unsigned before = pool.target;
  ASSERT_GE(before, 5U);
  pool.run(hours(2));
  EXPECT_EQ(pool.target, 1U);
  const auto downs = pool.changes_after(minutes(1));
  ASSERT_EQ(downs.size(), before - 1);
  const auto last_up = *std::find_if(pool.changes.rbegin(), pool.changes.rend(),
                                     [](const auto& change) { return change.decision.target > change.before; });
  EXPECT_GE(downs.front().at - last_up.at, minutes(5));
  for (std::size_t i = 0; i < downs.size(); ++i) {
    EXPECT_EQ(downs[i].decision.target, downs[i].before - 1);
    EXPECT_EQ(downs[i].decision.reason, ScaleReason::quiet);
    EXPECT_GE(downs[i].decision.over, minutes(5));
    if (i > 0) {
      EXPECT_GE(downs[i].at - downs[i - 1].at, minutes(5));
    }
  }
}

TEST(Autoscale, waits_until_a_worker_may_leave) {
  SimulatedPool pool([](Duration at) { return at < minutes(1) ? 2.0 : 0.0; });
  pool.may_shrink = false;
  pool.run(hours(1));
  const unsigned before = pool.target;
  ASSERT_GE(before, 3U);
  pool.may_shrink = true;
  pool.run(minutes(1));
  EXPECT_EQ(pool.target, before - 1);
}

TEST(Autoscale, does_not_look_while_there_is_nothing_to_do) {
  SimulatedPool pool([](Duration at) { return at < minutes(1) ? 2.0 : 0.0; });
  pool.run(hours(1));
  ASSERT_EQ(pool.target, 1U);
  const int before = pool.looks;
  pool.run(hours(10));
  EXPECT_EQ(pool.looks, before);
  EXPECT_EQ(pool.next_look(), std::nullopt);
}

TEST(Autoscale, looks_once_for_each_step_down) {
  SimulatedPool pool([](Duration at) { return at < minutes(1) ? 4.0 : 0.0; });
  pool.run(minutes(1) + seconds(10));
  const int before = pool.looks;
  const unsigned target = pool.target;
  pool.run(hours(2));
  EXPECT_EQ(pool.target, 1U);
  EXPECT_LE(pool.looks, before + static_cast<int>(target));
}

TEST(Autoscale, looks_seldom_at_a_pool_that_can_not_grow) {
  SimulatedPool pool(constant(100));
  pool.max = 2;
  pool.run(minutes(1));
  const int before = pool.looks;
  pool.run(minutes(1));
  EXPECT_LE(pool.looks - before, 61 + 600);  // each second, and for each edge
}

// Clients connect all the time: it looks at the queue often, but asks each worker once a second.
TEST(Autoscale, seldom_asks_what_the_workers_do) {
  SimulatedPool pool(constant(2));
  pool.min = 4;
  pool.run(minutes(1));
  EXPECT_EQ(pool.target, 4U);
  EXPECT_GT(pool.looks, 500);
  EXPECT_LT(pool.measurements, 70);
  EXPECT_GE(pool.measurements, 50);
}

// Its clients connected long ago: there is no occasion to look.
TEST(Autoscale, looks_by_itself_at_workers_that_do_not_report_that_they_are_busy) {
  for (const bool silent : {true, false}) {
    SimulatedPool pool([](Duration at) { return at < seconds(1) ? 0.5 : 0; });
    pool.busy_is_cpu = silent;
    pool.run(seconds(10));
    const int before = pool.looks;
    pool.run(minutes(1));
    EXPECT_EQ(pool.looks - before, silent ? 12 : 0);
    pool.work = 0.95;
    pool.run(seconds(9));
    EXPECT_EQ(pool.changes.empty(), !silent);
    for (const auto& change : pool.changes) EXPECT_EQ(change.decision.reason, ScaleReason::busy);
  }
}

// Then the looks that ask whether fewer are enough come more often.
TEST(Autoscale, sees_busy_workers_that_do_not_report_it_also_if_fewer_may_soon_be_enough) {
  SimulatedPool pool([](Duration at) { return at < seconds(1) ? 0.5 : 0; });
  pool.busy_is_cpu = true;
  pool.config.down = seconds(2);
  pool.run(seconds(10));
  pool.work = 0.95;
  while (pool.changes.empty() && pool.now() < minutes(1)) pool.run(seconds(1));
  pool.work = 0.6;
  pool.run(seconds(30));
  ASSERT_EQ(pool.changes.size(), 1U);
  pool.work = 0.95;
  pool.run(seconds(9));
  ASSERT_GE(pool.changes.size(), 2U);
  EXPECT_EQ(pool.changes.back().decision.reason, ScaleReason::busy);
}

TEST(Autoscale, on_demand_starts_a_worker_for_the_first_client_at_once) {
  SimulatedPool pool([](Duration at) { return at < hours(1) || at > hours(2) ? 0.0 : 0.1; });
  pool.min = 0;
  pool.run(hours(1));
  EXPECT_EQ(pool.looks, 0);
  pool.run(seconds(10));
  ASSERT_EQ(pool.changes.size(), 1U);
  EXPECT_EQ(pool.changes.front().decision.target, 1U);
  // A request each second.
  EXPECT_LE(pool.changes.front().at, hours(1) + seconds(1) + tick);
  EXPECT_EQ(pool.changes.front().decision.over, Duration{0});
}

TEST(Autoscale, on_demand_ends_the_last_worker_after_idle_for_and_then_does_not_look) {
  SimulatedPool pool([](Duration at) { return at < minutes(30) ? 0.1 : 0.0; });
  pool.min = 0;
  pool.config.idle_for = minutes(2);
  pool.run(minutes(30));
  EXPECT_EQ(pool.target, 1U);
  EXPECT_EQ(pool.changes.size(), 1U);
  pool.run(hours(1));
  ASSERT_GE(pool.changes.size(), 2U);
  EXPECT_EQ(pool.changes.back().decision.target, 0U);
  EXPECT_EQ(pool.changes.back().decision.reason, ScaleReason::idle);
  EXPECT_GE(pool.changes.back().at, minutes(32) - seconds(2));
  EXPECT_LE(pool.changes.back().at, minutes(32) + seconds(2));
  EXPECT_EQ(pool.next_look(), std::nullopt);
}

TEST(Autoscale, on_demand_keeps_the_last_worker_while_it_has_a_connection) {
  SimulatedPool pool([](Duration at) { return at < seconds(2) ? 0.5 : 0.0; });
  pool.min = 0;
  pool.config.idle_for = minutes(2);
  pool.may_shrink = false;
  pool.run(hours(1));
  EXPECT_EQ(pool.target, 1U);
  pool.may_shrink = true;
  pool.run(minutes(2));
  EXPECT_EQ(pool.target, 0U);
}

// The same with single looks.
class AutoscaleLooks : public ::testing::Test {
 protected:
  AutoscaleLooks() { scale.stir(2, now); }

  // The decisions of looks when they are due, until there is one or nothing is due any more for `time`.
  std::optional<ScaleDecision> look(Duration time) {
    const Instant end = now + time;
    while (scale.next_look() && *scale.next_look() <= end) {
      now = *scale.next_look();
      load.busy = load.time = Duration{0};
      if (scale.needs_usage(load, now)) measure();
      if (const auto decision = scale.look(load, now)) return decision;
    }
    now = end;
    return std::nullopt;
  }

  void measure() {
    const Duration passed = now - std::exchange(measured_at, now);
    load.busy = Duration{static_cast<Duration::rep>(busy * static_cast<double>(passed.count()) * load.target)};
    load.time = passed * load.target;
  }

  Instant now{hours(1)};
  Instant measured_at = now;
  Autoscale scale{ScaleConfig{}};
  PoolLoad load{.target = 2, .min = 1, .max = 8, .standing = Standing::steady, .may_shrink = true};
  double busy = 0.5;
};

// Not so if their load is about to decide.
TEST_F(AutoscaleLooks, asks_what_the_workers_do_before_it_adds_some) {
  load.waiting = 3;
  ASSERT_FALSE(look(milliseconds(80)));
  EXPECT_FALSE(scale.needs_usage(load, now));
  EXPECT_TRUE(scale.needs_usage(load, now + milliseconds(50)));
  const auto decision = look(milliseconds(50));
  ASSERT_TRUE(decision);
  EXPECT_NEAR(decision->busy.value(), 0.5, 0.01);
}

TEST_F(AutoscaleLooks, looks_by_itself_only_at_a_pool_that_could_grow) {
  load.silent = true;
  load.target = load.max = load.min = 2;
  EXPECT_FALSE(look(seconds(10)));
  EXPECT_FALSE(scale.next_look());
  load.max = 3;
  scale.stir(2, now);
  EXPECT_FALSE(look(seconds(10)));
  EXPECT_TRUE(scale.next_look());
}

TEST_F(AutoscaleLooks, grows_when_all_workers_are_full) {
  load.full = true;
  const auto decision = look(seconds(1));
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->reason, ScaleReason::full);
  EXPECT_EQ(decision->target, 3U);
}

TEST_F(AutoscaleLooks, full_workers_count_even_if_there_is_no_cpu_time_left) {
  load.full = true;
  load.cpu = seconds(10);
  ASSERT_TRUE(look(seconds(1)));
}

TEST_F(AutoscaleLooks, grows_when_the_workers_are_busy_for_a_window) {
  busy = 0.85;
  const auto decision = look(seconds(2));
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->reason, ScaleReason::busy);
  EXPECT_NEAR(decision->busy.value(), 0.85, 0.01);
  EXPECT_GE(decision->over, seconds(1));
}

TEST_F(AutoscaleLooks, busy_workers_do_not_count_if_that_is_off) {
  ScaleConfig config;
  config.busy.reset();
  scale.configure(config);
  busy = 1;
  EXPECT_FALSE(look(seconds(10)));
}

TEST_F(AutoscaleLooks, fewer_clients_than_queue_do_not_wait) {
  ScaleConfig config;
  config.queue = 5;
  scale.configure(config);
  load.waiting = 4;
  EXPECT_FALSE(look(seconds(10)));
  scale.stir(2, now);
  load.waiting = 5;
  EXPECT_TRUE(look(seconds(1)));
}

// The kernel does not report how many wait at a UNIX socket of another network namespace.
TEST_F(AutoscaleLooks, clients_that_cannot_be_counted_are_as_many_as_queue) {
  ScaleConfig config;
  config.queue = 5;
  scale.configure(config);
  load.waiting = 1;
  load.or_more = true;
  const auto decision = look(seconds(1));
  ASSERT_TRUE(decision);
  EXPECT_TRUE(decision->or_more);
}

TEST_F(AutoscaleLooks, clients_that_are_gone_at_one_look_have_not_waited) {
  load.waiting = 3;
  for (int i = 0; i < 20; ++i) {
    scale.stir(2, now);
    EXPECT_FALSE(look(milliseconds(80)));
    load.waiting = load.waiting == 0 ? 3 : 0;
  }
}

TEST_F(AutoscaleLooks, forgets_what_it_saw_before_a_reload_or_an_operator) {
  load.waiting = 3;
  EXPECT_FALSE(look(milliseconds(80)));
  load.standing = Standing::changing;
  EXPECT_FALSE(look(milliseconds(50)));
  load.standing = Standing::steady;
  scale.stir(2, now);
  EXPECT_FALSE(look(milliseconds(99)));
  EXPECT_TRUE(look(milliseconds(100)));
}

TEST_F(AutoscaleLooks, a_pause_makes_it_forget) {
  load.waiting = 3;
  EXPECT_FALSE(look(milliseconds(80)));
  scale.reset();
  EXPECT_FALSE(scale.next_look());
  now += hours(1);
  scale.stir(2, now);
  EXPECT_FALSE(look(milliseconds(99)));
  EXPECT_TRUE(look(milliseconds(100)));
}

TEST_F(AutoscaleLooks, a_pool_whose_workers_fail_does_not_grow) {
  load.standing = Standing::failing;
  load.waiting = 3;
  load.full = true;
  busy = 0.9;
  EXPECT_FALSE(look(hours(1)));
  scale.stir(2, now);
  load.standing = Standing::steady;
  EXPECT_FALSE(look(milliseconds(99))) << "what it saw before does not count";
  EXPECT_TRUE(look(milliseconds(100)));
}

TEST_F(AutoscaleLooks, a_pool_whose_workers_fail_shrinks_if_fewer_are_enough) {
  load.standing = Standing::failing;
  busy = 0.3;
  EXPECT_FALSE(look(hours(1)));
  busy = 0.1;
  const auto decision = look(hours(1));
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->target, 1U);
  EXPECT_EQ(decision->reason, ScaleReason::quiet);
}

TEST_F(AutoscaleLooks, the_last_worker_leaves_without_clients_also_if_it_fails) {
  load = {.target = 1, .min = 0, .max = 8, .standing = Standing::failing, .waiting = 1, .may_shrink = true};
  busy = 0;
  EXPECT_FALSE(look(hours(1))) << "a client waits";
  load.waiting = 0;
  const auto decision = look(hours(1));
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->target, 0U);
  EXPECT_EQ(decision->reason, ScaleReason::idle);
}

TEST_F(AutoscaleLooks, a_look_that_comes_very_late_says_nothing_of_the_present) {
  EXPECT_FALSE(look(milliseconds(25)));
  now += hours(1);
  load.busy = load.time = hours(1);
  EXPECT_FALSE(scale.look(load, now));
}

TEST_F(AutoscaleLooks, does_not_shrink_if_the_others_would_be_busy_then) {
  busy = 0.3;  // of two: 0.6 of one, above 0.7 * 0.8
  EXPECT_FALSE(look(hours(2)));
  busy = 0.25;
  const auto decision = look(hours(2));
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->target, 1U);
}

}  // namespace
}  // namespace preforkd
