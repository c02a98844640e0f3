// SPDX-License-Identifier: MIT
// More workers and fewer while clients ask.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>

#include <nlohmann/json.hpp>
#include <string>

#include "support/binaries.hpp"
#include "support/load.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"
#include "support/temp_dir.hpp"

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
    master.log().wait_for("SIGTTOU: one worker fewer: " + count + " workers");
  }
  load.wait_for_more(200);
  EXPECT_TRUE(eventually([&] { return master.workers().size() == 2; }));
  load.wait_for_more(200);
  EXPECT_THAT(load.stop(), IsEmpty());
  EXPECT_THAT(master.workers(), UnorderedElementsAreArray(first)) << "slots 0 and 1 stay";
  EXPECT_THAT(master.log().text(), HasSubstr("left (scaled-down): exit status 0"));
}

class ConfiguredPool {
 public:
  explicit ConfiguredPool(const json& workers) : file_(write(workers)) {}

  // Rewrites the config, and reloads.
  void reload(const json& workers) {
    write(workers);
    reload();
  }
  void reload() {
    const std::size_t mark = log().size();
    process_.signal(SIGHUP);
    log().wait_for("reload done", mark);
  }
  void signal(int number, const std::string& answer) {
    const std::size_t mark = log().size();
    process_.signal(number);
    EXPECT_THAT(log().wait_for(number == SIGTTIN ? "SIGTTIN:" : "SIGTTOU:", mark), HasSubstr(answer));
  }
  void wait_workers(std::size_t count) const {
    EXPECT_TRUE(eventually([&] { return children_of(pid()).size() == count; }))
        << children_of(pid()).size() << " workers, not " << count;
  }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  [[nodiscard]] const Output& log() const { return process_.err(); }

 private:
  std::string write(const json& workers) {
    return folder_.write(
        "pool.json",
        json{{"listen", {"127.0.0.1:0"}}, {"program", {binaries::worker("prefork_does_as_told")}}, {"workers", workers}}
            .dump());
  }

  TempDir folder_;
  std::string file_;
  Process process_{binaries::preforkd, {"--config", file_}};
};

TEST(Resize, stays_between_min_and_max_of_the_config) {
  ConfiguredPool pool({{"min", 2}, {"max", 3}});
  pool.wait_workers(2);
  pool.log().wait_for("2/2 workers ready");
  pool.signal(SIGTTOU, "refused, the pool has from 2 to 3 workers");
  pool.signal(SIGTTIN, "3 workers");
  pool.wait_workers(3);
  pool.signal(SIGTTIN, "refused, the pool has from 2 to 3 workers");
  pool.wait_workers(3);
}

TEST(Resize, what_an_operator_made_of_the_number_stays_until_the_config_says_another) {
  ConfiguredPool pool({{"min", 1}, {"max", 5}});
  pool.log().wait_for("1/1 workers ready");
  pool.signal(SIGTTIN, "2 workers");
  pool.wait_workers(2);
  pool.reload();
  pool.wait_workers(2);
  pool.reload({{"min", 3}, {"max", 5}});
  pool.wait_workers(3);
}

TEST(Resize, auto_follows_the_cpus_that_the_master_may_use_at_each_reload) {
  cpu_set_t all;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  if (CPU_COUNT(&all) < 2) GTEST_SKIP() << "needs two CPUs, there is one";
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  }
  ConfiguredPool pool("auto");
  pool.log().wait_for(" workers ready");
  const std::size_t at_first = children_of(pool.pid()).size();
  ASSERT_EQ(::sched_setaffinity(pool.pid(), sizeof one, &one), 0);
  pool.reload();
  pool.wait_workers(1);
  pool.signal(SIGTTIN, "refused");
  ASSERT_EQ(::sched_setaffinity(pool.pid(), sizeof all, &all), 0);
  pool.reload();
  pool.wait_workers(at_first);
}

}  // namespace
}  // namespace preforkd::component
