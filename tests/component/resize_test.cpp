// SPDX-License-Identifier: MIT
// More and fewer workers while clients send requests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>

#include <nlohmann/json.hpp>
#include <string>

#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/configured_master.hpp"
#include "support/control_group.hpp"
#include "support/load.hpp"
#include "support/master.hpp"

namespace preforkd::component {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAreArray;

Master start(unsigned workers) {
  Master::Options options;
  options.workers = workers;
  options.arguments = {"--set", "settings.drain_idle=keep"};
  return Master({binaries::worker("prefork_does_as_told")}, options);
}

TEST(Resize, under_load_no_request_fails_and_the_highest_slots_leave) {
  const Master master = start(2);
  master.wait_ready();
  const std::vector<pid_t> first = master.workers();
  Load load(master.address());
  load.wait_for_more(50);
  for (unsigned slot = 2; slot < 5; ++slot) {
    master.signal(SIGTTIN);
    EXPECT_GT(master.worker(slot), 0);
  }
  load.wait_for_more(200);
  for (const std::string& count : std::vector<std::string>{"4", "3", "2"}) {
    master.signal(SIGTTOU);
    master.log().wait_for("SIGTTOU: remove a worker: " + count + " workers");
  }
  load.wait_for_more(200);
  EXPECT_TRUE(eventually([&] { return master.workers().size() == 2; }));
  load.wait_for_more(200);
  EXPECT_THAT(load.stop(), IsEmpty());
  EXPECT_THAT(master.workers(), UnorderedElementsAreArray(first)) << "slots 0 and 1 stay";
  EXPECT_THAT(master.log().text(), HasSubstr("left (scaled-down): exit status 0"));
}

json config_of(const json& workers) {
  return {{"listen", {"127.0.0.1:0"}}, {"program", {binaries::worker("prefork_does_as_told")}}, {"workers", workers}};
}

// A pool whose config has a plain number of workers.
class ConfiguredPool : public ConfiguredMaster {
 public:
  explicit ConfiguredPool(const json& workers) : ConfiguredMaster(config_of(workers)) {}

  void signal(int number, const std::string& answer) {
    const std::size_t mark = log().size();
    process().signal(number);
    EXPECT_THAT(log().wait_for(number == SIGTTIN ? "SIGTTIN:" : "SIGTTOU:", mark), HasSubstr(answer));
  }
  void wait_workers(std::size_t count) const {
    EXPECT_TRUE(eventually([&] { return workers().size() == count; })) << workers().size() << " workers, not " << count;
  }
};

TEST(Resize, stays_between_min_and_max_of_the_config) {
  ConfiguredPool pool({{"min", 2}, {"max", 3}});
  pool.wait_workers(2);
  pool.signal(SIGTTOU, "refused, the pool has from 2 to 3 workers");
  pool.signal(SIGTTIN, "3 workers");
  pool.wait_workers(3);
  pool.signal(SIGTTIN, "refused, the pool has from 2 to 3 workers");
  pool.wait_workers(3);
}

TEST(Resize, what_an_operator_made_of_the_number_stays_until_the_config_says_another) {
  ConfiguredPool pool({{"min", 1}, {"max", 5}});
  pool.signal(SIGTTIN, "2 workers");
  pool.wait_workers(2);
  pool.hup("reload done");
  pool.wait_workers(2);
  pool.reload(config_of({{"min", 1}, {"max", 6}}));
  pool.wait_workers(2);
  pool.reload(config_of({{"min", 3}, {"max", 5}}));
  pool.wait_workers(3);
}

TEST(Resize, to_fewer_lets_clients_finish_and_to_more_again_uses_the_slot_at_once) {
  const Master master = start(2);
  master.wait_ready();
  const pid_t last = master.worker(1);
  const auto asks = [](Client& client) { return client.ask("who"); };
  // Connects clients until the last worker serves one of them.
  std::vector<Client> clients;
  do {
    clients.emplace_back(master.address());
  } while (asks(clients.back()).find(" " + std::to_string(last) + ":") == std::string::npos);
  master.signal(SIGTTOU);
  master.log().wait_for("drains: scaled-down");
  EXPECT_THAT(asks(clients.back()), HasSubstr(std::to_string(last))) << "its client is still served";
  const std::size_t mark = master.log().size();
  master.signal(SIGTTIN);
  EXPECT_NE(master.worker(1, mark), last);
  EXPECT_THAT(master.workers(), SizeIs(3)) << "the old worker is still draining";
  clients.clear();
  EXPECT_TRUE(eventually([&] { return master.workers().size() == 2; }));
}

TEST(Resize, during_a_reload_starts_at_once_and_leaves_the_surge_as_it_is) {
  const json config{{"listen", {"127.0.0.1:0"}},
                    {"program", {binaries::worker("does_as_told")}},
                    {"workers", {{"min", 2}, {"max", 5}}},
                    {"start_timeout", "1h"}};
  ConfiguredMaster master(config);
  json stuck = config;
  stuck["program"] = {binaries::worker("hangs_on_start")};
  master.reload(stuck, "generation 2) started");
  for (const char* const worker : {"worker 2", "worker 3"}) {
    const std::size_t mark = master.log().size();
    master.process().signal(SIGTTIN);
    EXPECT_THAT(master.log().wait_for(worker, mark), HasSubstr("generation 1) started"));
    master.log().wait_for("is ready", mark);
  }
  EXPECT_EQ(master.workers().size(), 5U) << "4 workers, and 1 by max_surge";
  json fewer = config;
  fewer["workers"] = {{"min", 1}, {"max", 2}};
  master.reload(fewer);
  EXPECT_TRUE(eventually([&] { return master.workers().size() == 2; })) << "max counts";
  for (const std::string& worker : master.table()) {
    EXPECT_THAT(worker, testing::ContainsRegex("worker [01]: .*ready, generation 1"));
  }
}

// The CPUs that processes of the test may use.
class Cpus {
 public:
  Cpus() {
    if (::sched_getaffinity(0, sizeof all_, &all_) != 0) throw HarnessError("sched_getaffinity failed");
    CPU_ZERO(&one_);
    for (int cpu = 0; CPU_COUNT(&one_) == 0; ++cpu) {
      if (CPU_ISSET(cpu, &all_)) CPU_SET(cpu, &one_);
    }
  }
  [[nodiscard]] int count() const { return CPU_COUNT(&all_); }
  // Process 0 is this one.
  void allow_one(pid_t process) const { EXPECT_EQ(::sched_setaffinity(process, sizeof one_, &one_), 0); }
  void allow_all(pid_t process) const { EXPECT_EQ(::sched_setaffinity(process, sizeof all_, &all_), 0); }

 private:
  cpu_set_t all_{};
  cpu_set_t one_{};
};

TEST(Resize, auto_counts_the_cpus_at_the_start) {
  const Cpus cpus;
  cpus.allow_one(0);
  const ConfiguredPool pool("auto");
  cpus.allow_all(0);
  EXPECT_THAT(pool.workers(), SizeIs(1));
}

TEST(Resize, auto_follows_the_cpus_that_the_master_may_use_at_each_reload) {
  const Cpus cpus;
  if (cpus.count() < 2) GTEST_SKIP() << "needs two CPUs, there is one";
  ConfiguredPool pool("auto");
  const std::size_t at_first = pool.workers().size();
  cpus.allow_one(pool.process().pid());
  pool.hup("reload done");
  pool.wait_workers(1);
  pool.signal(SIGTTIN, "refused");
  cpus.allow_all(pool.process().pid());
  pool.hup("reload done");
  pool.wait_workers(at_first);
}

TEST(Resize, auto_follows_the_cpu_quota_of_the_masters_control_group) {
  const TestControlGroup half({.controller = "cpu",
                               .unified = "cpu.max",
                               .unified_value = "50000 100000",
                               .legacy = "cpu.cfs_quota_us",
                               .legacy_value = "50000"});
  if (!half) GTEST_SKIP() << "no control group with a CPU quota can be made: " << half.reason();
  ConfiguredPool pool("auto");
  if (pool.workers().size() < 2) GTEST_SKIP() << "needs two CPUs, there is one";
  half.take(pool.process().pid());
  pool.hup("reload done");
  pool.wait_workers(1);
}

}  // namespace
}  // namespace preforkd::component
