// SPDX-License-Identifier: MIT
// Rollouts over hosts that are made up, in virtual time: what each is told, in which order.
#include "ctl/rollout/rollout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/errors.hpp"
#include "dbus/words.hpp"
#include "pools/bus/failure_text.hpp"

namespace preforkd::ctl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

[[noreturn]] void fail(const std::string& reason, int code = exit_code::failure) { throw ExitError(code, reason); }

// What the hosts were told, and the lock of all that they are.
struct Story {
  std::vector<std::string> lines;
  std::recursive_mutex mutex;
};

class FakeHost final : public Host {
 public:
  FakeHost(std::string name, Story& story) : name_(std::move(name)), story_(story) {
    pool.name = "web";
    pool.state = dbus::state::running;
    pool.version = "1.0";
    pool.generation = 4;
    pool.main_pid = 100;
    pool.ready_workers = pool.target_workers = 3;
    pool.last_reload = {7, true, "generation 4 is live"};
  }

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] PoolSnapshot look() override {
    const std::lock_guard lock(story_.mutex);
    if (on_look) on_look();
    if (gone) fail("cannot reach it", exit_code::unavailable);
    return pool;
  }
  void set_drained(bool drained) override {
    const std::lock_guard lock(story_.mutex);
    if (gone) fail("cannot reach it", exit_code::unavailable);
    story_.lines.push_back(name_ + (drained ? " drain" : " undrain"));
    pool.drained = drained;
  }
  [[nodiscard]] std::vector<PlannedChange> plan() override {
    if (!bad_config.empty()) fail(bad_config);
    return changes;
  }
  void reload() override {
    const std::lock_guard lock(story_.mutex);
    story_.lines.push_back(name_ + " reload");
    on_reload();
  }
  [[nodiscard]] Installed installed() override { return {installed_version, installed_version + package_revision}; }
  void upgrade() override {
    const std::lock_guard lock(story_.mutex);
    story_.lines.push_back(name_ + " upgrade");
    on_upgrade();
  }

  void succeed() {
    ++pool.generation;
    pool.last_reload = {pool.last_reload.at + 1, true, "it is live"};
  }
  void restart() {
    ++pool.main_pid;
    pool.version = installed_version = "1.1";
    pool.generation = 5;
    pool.adopted_workers = 3;
    pool.last_reload = {9, true, "it is live"};
  }

  PoolSnapshot pool;
  bool gone = false;
  std::vector<PlannedChange> changes;
  std::string bad_config;
  std::string installed_version = "1.0";
  std::string package_revision = "-1";
  std::function<void()> on_look;
  std::function<void()> on_reload = [this] { succeed(); };
  std::function<void()> on_upgrade = [this] { restart(); };

 private:
  const std::string name_;
  Story& story_;
};

class RolloutTest : public testing::Test {
 protected:
  RolloutTest() {
    for (const char* const name : {"h1", "h2", "h3"}) hosts_.push_back(std::make_unique<FakeHost>(name, story_));
  }

  [[nodiscard]] FakeHost& host(std::size_t index) { return dynamic_cast<FakeHost&>(*hosts_[index]); }

  [[nodiscard]] Rollout rollout() {
    return {
        hosts_,
        settings_,
        records_,
        {.now =
             [this] {
               const std::lock_guard lock(story_.mutex);
               return now_;
             },
         .wait =
             [this] {
               const std::lock_guard lock(story_.mutex);
               now_ += milliseconds(250);
               if (on_wait) on_wait();
             },
         .stopped = [this] { return stopped_; },
         .on_progress = [this](const std::string& host, const std::string& what) { said_ += host + ' ' + what + '\n'; },
         .on_record = [this](const std::string& host, const HostRecord& record) { records_[host] = record; }}};
  }
  // The ends of the hosts.
  std::vector<std::string> run() {
    Rollout all = rollout();
    results_ = all.run(all.plan());
    std::vector<std::string> ends;
    for (const HostResult& result : results_) ends.emplace_back(to_string(result.end));
    return ends;
  }
  [[nodiscard]] std::string refusal() {
    try {
      static_cast<void>(rollout().plan());
    } catch (const ExitError& error) {
      return error.what();
    }
    return "";
  }

  Story story_;
  Rollout::Hosts hosts_;
  RolloutSettings settings_;
  HostRecords records_;
  std::chrono::steady_clock::time_point now_{};
  std::function<void()> on_wait;
  bool stopped_ = false;
  std::string said_;
  std::vector<HostResult> results_;
};

TEST_F(RolloutTest, drains_reloads_and_undrains_one_host_after_the_other) {
  EXPECT_THAT(run(), ElementsAre("done", "done", "done"));
  EXPECT_THAT(story_.lines, ElementsAre("h1 drain", "h1 reload", "h1 undrain", "h2 drain", "h2 reload", "h2 undrain",
                                        "h3 drain", "h3 reload", "h3 undrain"));
  EXPECT_EQ(now_.time_since_epoch(), 3 * (settings_.drain_wait + settings_.soak));
}

TEST_F(RolloutTest, waits_for_connections_to_end_but_not_for_ever) {
  host(0).pool.counters.connections = 5;
  host(1).pool.counters.connections = 5;
  host(2).pool.counters = {};
  host(2).pool.counters.counts = false;
  settings_.soak = {};
  on_wait = [this] {
    if (now_.time_since_epoch() >= seconds(12)) host(0).pool.counters.connections = 0;
  };
  EXPECT_THAT(run(), ElementsAre("done", "done", "done"));
  EXPECT_EQ(now_.time_since_epoch(), seconds(12) + settings_.drain_timeout + settings_.drain_wait);
  EXPECT_THAT(said_, AllOf(HasSubstr("h1 5 connections left\n"), HasSubstr("h2 5 connections left after the drain\n")));
}

TEST_F(RolloutTest, a_failed_reload_stops_at_the_first_host_which_serves_as_before) {
  host(0).on_reload = [] { fail("worker 0 of generation 5: exit status 7"); };
  EXPECT_THAT(run(), ElementsAre("failed", "untouched", "untouched"));
  EXPECT_THAT(story_.lines, ElementsAre("h1 drain", "h1 reload", "h1 undrain"));
  EXPECT_EQ(results_[0].message, "reload: worker 0 of generation 5: exit status 7");
  EXPECT_EQ(results_[0].drained, false);
  EXPECT_FALSE(records_["h1"].drained);
}

TEST_F(RolloutTest, a_host_that_does_not_serve_as_before_stays_drained) {
  host(1).on_reload = [this] {
    host(1).succeed();
    host(1).pool.ready_workers = 2;
    host(1).pool.state = dbus::state::degraded;
  };
  EXPECT_THAT(run(), ElementsAre("done", "failed", "untouched"));
  EXPECT_EQ(story_.lines.back(), "h2 drain") << "as it was";
  EXPECT_EQ(results_[1].message, "reload: the pool is degraded (2/3 workers ready) within 1min");
  EXPECT_EQ(results_[1].drained, true);
  EXPECT_TRUE(records_["h1"].done);
  EXPECT_TRUE(records_["h2"].drained);
}

TEST_F(RolloutTest, a_worker_that_dies_in_the_soak_takes_the_host_out_again) {
  on_wait = [this] {
    if (!host(0).pool.drained && host(0).pool.generation == 5) host(0).pool.crashes = 1;
  };
  EXPECT_THAT(run(), ElementsAre("failed", "untouched", "untouched"));
  EXPECT_THAT(story_.lines, ElementsAre("h1 drain", "h1 reload", "h1 undrain", "h1 drain"));
  EXPECT_THAT(results_[0].message, HasSubstr("soak: 1 worker failed; \"preforkctl -H h1 why web\" shows why"));
}

TEST_F(RolloutTest, a_host_that_is_gone_stops_it) {
  host(1).on_reload = [this] {
    host(1).gone = true;
    fail("no answer", exit_code::unavailable);
  };
  EXPECT_THAT(run(), ElementsAre("done", "failed", "untouched"));
  EXPECT_THAT(results_[1].message, HasSubstr("cannot reach it"));
  EXPECT_EQ(results_[1].drained, std::nullopt);
  EXPECT_TRUE(records_["h2"].drained) << "if it comes back, the next rollout knows whose drain that is";
}

TEST_F(RolloutTest, a_lost_connection_does_not_hide_a_reload_that_succeeds_or_does_not) {
  host(0).on_reload = [this] {
    host(0).pool.state = dbus::state::reloading;
    on_wait = [this] {
      if (host(0).pool.state != dbus::state::reloading) return;
      host(0).pool.state = dbus::state::running;
      host(0).succeed();
    };
    fail("lost", exit_code::unavailable);
  };
  host(1).on_reload = [] { fail("lost", exit_code::unavailable); };
  EXPECT_THAT(run(), ElementsAre("done", "failed", "untouched"));
  EXPECT_EQ(results_[1].message, "reload: the reload did not come to its end: lost");
}

TEST_F(RolloutTest, a_master_that_replaces_a_dead_one_knows_of_no_reload) {
  on_wait = [this] {
    if (!host(0).pool.drained && host(0).pool.generation == 5) host(0).pool.last_reload = {};  // in the soak
  };
  host(1).on_reload = [this] {
    host(1).pool.last_reload = {};
    fail("it went away", exit_code::unavailable);
  };
  EXPECT_THAT(run(), ElementsAre("done", "failed", "untouched"));
  EXPECT_EQ(results_[1].message, "reload: the reload did not come to its end: it went away");
}

TEST_F(RolloutTest, looks_at_all_hosts_before_it_touches_one) {
  host(2).pool.ready_workers = 1;
  EXPECT_EQ(refusal(), "h3: the pool is running (1/3 workers ready); nothing was changed on any host");
  host(2).pool.ready_workers = 3;
  host(2).pool.drained = true;
  EXPECT_THAT(refusal(), HasSubstr("h3: the pool is drained, by an operator or another rollout; \"preforkctl -H h3 "
                                   "undrain web\" ends that"));
  host(2).pool.drained = false;
  host(2).bad_config = "workers: \"few\"";
  EXPECT_THAT(refusal(), HasSubstr("h3: workers: \"few\""));
  host(2).bad_config.clear();
  host(2).changes = {{"user", "web", "www", dbus::needs::apply}};
  EXPECT_THAT(refusal(), HasSubstr("a reload cannot change \"user\"; run preforkctl apply web there"));
  host(2).gone = true;
  EXPECT_THAT(refusal(), HasSubstr("h3: cannot reach it"));
  EXPECT_THAT(story_.lines, IsEmpty());
}

TEST_F(RolloutTest, continues_where_it_stopped) {
  host(1).on_reload = [] { fail("exit status 7"); };
  EXPECT_THAT(run(), ElementsAre("done", "failed", "untouched"));
  story_.lines.clear();
  host(1).on_reload = [this] { host(1).succeed(); };
  EXPECT_THAT(run(), ElementsAre("skipped", "done", "done"));
  EXPECT_EQ(story_.lines.front(), "h2 drain");
}

TEST_F(RolloutTest, does_a_host_again_that_has_changed_since) {
  host(2).on_reload = [] { fail("exit status 7"); };
  EXPECT_THAT(run(), ElementsAre("done", "done", "failed"));
  host(0).succeed();  // another operator has reloaded it
  host(1).changes = {{"program", "old", "new", dbus::needs::generation}};
  EXPECT_THAT(run(), ElementsAre("done", "done", "failed"));
}

TEST_F(RolloutTest, may_repair_a_host_that_it_has_left_drained) {
  host(0).on_reload = [this] {
    host(0).succeed();
    host(0).pool.state = dbus::state::degraded;
  };
  EXPECT_THAT(run(), ElementsAre("failed", "untouched", "untouched"));
  story_.lines.clear();
  host(0).on_reload = [this] {
    host(0).succeed();
    host(0).pool.state = dbus::state::running;
  };
  EXPECT_THAT(run(), ElementsAre("done", "done", "done"));
  EXPECT_FALSE(host(0).pool.drained);
}

TEST_F(RolloutTest, a_host_that_is_no_longer_drained_must_serve_as_it_should) {
  records_["h1"].drained = true;
  host(0).pool.ready_workers = 1;
  EXPECT_THAT(refusal(), HasSubstr("h1: the pool is running (1/3 workers ready)"));
}

TEST_F(RolloutTest, leaves_a_bad_host_drained_if_its_repair_fails) {
  host(0).pool.drained = true;
  records_["h1"].drained = true;
  host(0).on_reload = [] { fail("exit status 7"); };
  EXPECT_THAT(run(), ElementsAre("failed", "untouched", "untouched"));
  EXPECT_TRUE(host(0).pool.drained);
  EXPECT_TRUE(records_["h1"].drained);
  EXPECT_EQ(results_[0].drained, true);
}

TEST_F(RolloutTest, leaves_a_bad_host_drained_if_it_is_stopped_before_the_repair) {
  host(0).pool.drained = true;
  records_["h1"].drained = true;
  on_wait = [this] { stopped_ = true; };
  EXPECT_THAT(run(), ElementsAre("interrupted", "untouched", "untouched"));
  EXPECT_TRUE(host(0).pool.drained);
  EXPECT_TRUE(records_["h1"].drained);
}

TEST_F(RolloutTest, a_drain_in_the_soak_is_another_ones) {
  bool own = true;
  host(0).on_look = [&] {
    if (!story_.lines.empty() && story_.lines.back() == "h1 undrain") own = records_["h1"].drained;
  };
  EXPECT_THAT(run(), ElementsAre("done", "done", "done"));
  EXPECT_FALSE(own);
}

TEST_F(RolloutTest, waits_for_a_pool_whose_master_is_upgraded_in_place) {
  int misses = 0;
  host(0).on_look = [&] {
    if (host(0).pool.drained && ++misses <= 3) fail("it is not on the bus", exit_not_running);
  };
  EXPECT_THAT(run(), ElementsAre("done", "done", "done"));
  EXPECT_GT(misses, 3);
}

TEST_F(RolloutTest, stopped_before_the_act_it_ends_the_drain) {
  on_wait = [this] { stopped_ = host(1).pool.drained; };
  EXPECT_THAT(run(), ElementsAre("done", "interrupted", "untouched"));
  EXPECT_EQ(story_.lines.back(), "h2 undrain");
  EXPECT_FALSE(records_["h2"].drained);
}

TEST_F(RolloutTest, stopped_in_the_act_it_brings_the_host_to_its_end) {
  host(0).on_reload = [this] {
    stopped_ = true;
    host(0).succeed();
  };
  EXPECT_THAT(run(), ElementsAre("done", "untouched", "untouched"));
  EXPECT_FALSE(host(0).pool.drained);
  EXPECT_EQ(now_.time_since_epoch(), settings_.drain_wait) << "without a soak";
}

TEST_F(RolloutTest, waits_for_the_restart_of_a_package_with_the_same_version_in_it) {
  settings_.upgrade = true;
  host(0).on_upgrade = [this] {
    host(0).package_revision = "-2";
    on_wait = [this, waits = 0]() mutable {
      if (++waits < 3) {
        EXPECT_TRUE(host(0).pool.drained) << "the old one runs";
      } else if (waits == 3) {
        ++host(0).pool.main_pid;
        host(0).pool.last_reload = {9, true, "it is live"};
      }
    };
  };
  for (const std::size_t other : {1U, 2U}) host(other).on_upgrade = [] {};  // have it already
  EXPECT_THAT(run(), ElementsAre("done", "done", "done"));
  EXPECT_EQ(host(0).pool.main_pid, 101U);
}

TEST_F(RolloutTest, upgrades_no_host_while_a_config_is_wrong) {
  settings_.upgrade = true;
  host(2).bad_config = "the config is wrong";
  EXPECT_THROW(static_cast<void>(run()), ExitError);
  EXPECT_THAT(story_.lines, IsEmpty());
}

TEST_F(RolloutTest, upgrades_and_waits_for_the_restart_and_the_reload_after_it) {
  settings_.upgrade = true;
  host(0).on_upgrade = [this] {
    host(0).installed_version = "1.1";
    on_wait = [this, waits = 0]() mutable {
      if (++waits == 1) host(0).gone = true;  // the restart
      if (waits == 2) {
        host(0).gone = false;
        host(0).restart();
        host(0).pool.last_reload = {};
      }
      if (waits == 3) {
        EXPECT_TRUE(host(0).pool.drained) << "its workers are the old ones";
        host(0).pool.last_reload = {9, true, "it is live"};
      }
    };
  };
  on_wait = nullptr;
  EXPECT_THAT(run(), ElementsAre("done", "done", "done"));
  EXPECT_THAT(said_, HasSubstr("h1 preforkd 1.1, generation 5, 3 workers ready"));
}

TEST_F(RolloutTest, an_upgrade_that_fails_or_does_not_run_stops_it) {
  settings_.upgrade = true;
  host(0).on_upgrade = [] { fail("the command ended with exit status 100"); };
  EXPECT_THAT(run(), ElementsAre("failed", "untouched", "untouched"));
  EXPECT_EQ(results_[0].message, "upgrade: the command ended with exit status 100");
  EXPECT_EQ(results_[0].drained, false);
  host(0).on_upgrade = [this] { host(0).installed_version = "1.1"; };
  EXPECT_THAT(run(), ElementsAre("failed", "untouched", "untouched"));
  EXPECT_THAT(results_[0].message,
              HasSubstr("check: the pool runs preforkd 1.0 and not the installed 1.1 within 1min"));
  EXPECT_EQ(results_[0].drained, false) << "the old version serves";
}

TEST_F(RolloutTest, upgrades_with_a_reload_that_fails_stop_it) {
  settings_.upgrade = true;
  host(0).on_upgrade = [this] {
    host(0).restart();
    host(0).pool.last_reload = {9, false, "worker 0: exit status 7"};
  };
  EXPECT_THAT(run(), ElementsAre("failed", "untouched", "untouched"));
  EXPECT_EQ(results_[0].message, "check: worker 0: exit status 7");
  EXPECT_EQ(results_[0].drained, true);
}

TEST_F(RolloutTest, a_pool_that_starts_again_and_again_fails) {
  settings_.upgrade = true;
  host(0).on_upgrade = [this] {
    host(0).restart();
    host(0).pool.state = dbus::state::starting;
    on_wait = [this] {
      if (++host(0).pool.main_pid > 10'000) host(0).gone = true;  // it would wait for ever
    };
  };
  EXPECT_THAT(run(), ElementsAre("failed", "untouched", "untouched"));
  EXPECT_EQ(results_[0].message, "check: the pool is starting (3/3 workers ready) within 1min");
  EXPECT_EQ(results_[0].drained, true);
}

TEST_F(RolloutTest, a_package_that_is_new_already_is_no_failure) {
  settings_.upgrade = true;
  for (std::size_t index = 0; index < 3; ++index) host(index).on_upgrade = [] {};
  EXPECT_THAT(run(), ElementsAre("done", "done", "done"));
}

TEST_F(RolloutTest, several_hosts_at_a_time_never_more) {
  settings_.parallel = 2;
  int present = 0;
  int most = 0;
  const auto drained = [&] {
    int count = 0;
    for (std::size_t index = 0; index < 3; ++index) count += host(index).pool.drained ? 1 : 0;
    return count;
  };
  for (std::size_t index = 0; index < 3; ++index) {
    host(index).on_reload = [&, index] {
      host(index).succeed();
      ++present;
      most = std::max(most, drained());
    };
  }
  settings_.drain_wait = settings_.soak = {};
  // The second one begins while the first one drains.
  const auto end = std::chrono::steady_clock::now() + seconds(20);
  host(0).on_look = [&] {
    while (host(0).pool.drained && !host(1).pool.drained && present == 0 && std::chrono::steady_clock::now() < end) {
      story_.mutex.unlock();
      std::this_thread::yield();
      story_.mutex.lock();
    }
  };
  EXPECT_THAT(run(), ElementsAre("done", "done", "done"));
  EXPECT_EQ(present, 3);
  EXPECT_EQ(most, 2);
}

}  // namespace
}  // namespace preforkd::ctl
