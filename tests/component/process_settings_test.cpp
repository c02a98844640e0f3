// SPDX-License-Identifier: MIT
// The settings of a worker's process, as the worker sees them: umask, nice, limits, cpu_affinity.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/errors.hpp"
#include "support/binaries.hpp"
#include "support/master.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::vector<unsigned> own_cpus() {
  cpu_set_t mask;
  ::sched_getaffinity(0, sizeof mask, &mask);
  std::vector<unsigned> cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &mask)) cpus.push_back(cpu);
  }
  return cpus;
}

class ProcessSettings : public testing::Test {
 protected:
  [[nodiscard]] Master start(std::vector<std::string> settings, unsigned workers = 1) const {
    Master::Options options;
    options.workers = workers;
    for (std::string& each : settings) options.arguments.insert(options.arguments.end(), {"--set", std::move(each)});
    return Master({binaries::worker("contract_reporter"), folder_.path()}, options);
  }
  [[nodiscard]] json report(const Master& master, unsigned slot = 0, std::size_t from = 0) const {
    const pid_t pid = master.worker(slot, from);
    return json::parse(read_file(folder_.file(std::to_string(slot) + "." + std::to_string(pid))));
  }
  static json limit(const json& report, int resource) { return report["limits"][std::to_string(resource)]; }

  TempDir folder_;
};

TEST_F(ProcessSettings, reach_the_worker) {
  const unsigned cpu = own_cpus().back();
  const int nice = std::min(::getpriority(PRIO_PROCESS, 0) + 3, 19);
  const Master master = start({"umask=0137", "nice=" + std::to_string(nice), "cpu_affinity=" + std::to_string(cpu),
                               R"(limits={"nofile": {"soft": 64, "hard": 128}, "core": 0, "cpu": "1h"})"});
  const json worker = report(master);
  EXPECT_EQ(worker["umask"], 0137);
  EXPECT_EQ(worker["nice"], nice);
  EXPECT_EQ(worker["cpus"], json({cpu}));
  EXPECT_EQ(limit(worker, RLIMIT_NOFILE), json({64, 128}));
  EXPECT_EQ(limit(worker, RLIMIT_CORE), json({0, 0}));
  EXPECT_EQ(limit(worker, RLIMIT_CPU), json({3600, 3600}));
}

// The master raises its own soft limit of open files; workers do not inherit that.
TEST_F(ProcessSettings, that_are_not_set_are_those_that_the_master_was_started_with) {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  const rlimit lower{std::min<rlim_t>(files.rlim_max, 512), files.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &lower), 0);
  const Master master = start({});
  ::setrlimit(RLIMIT_NOFILE, &files);
  const json worker = report(master);
  EXPECT_EQ(worker["umask"], mask);
  EXPECT_EQ(worker["nice"], ::getpriority(PRIO_PROCESS, 0));
  EXPECT_EQ(worker["cpus"], json(own_cpus()));
  EXPECT_EQ(limit(worker, RLIMIT_NOFILE)[0], lower.rlim_cur);
}

TEST_F(ProcessSettings, spread_gives_each_slot_a_cpu_of_its_own_in_turn) {
  const std::vector<unsigned> cpus = own_cpus();
  const unsigned workers = static_cast<unsigned>(std::min<std::size_t>(cpus.size(), 8)) + 1;
  const Master master = start({"cpu_affinity=spread"}, workers);
  for (unsigned slot = 0; slot < workers; ++slot) {
    EXPECT_EQ(report(master, slot)["cpus"], json({cpus[slot % cpus.size()]})) << slot;
  }
}

TEST_F(ProcessSettings, that_changed_are_the_next_generations) {
  const auto config = [&](const std::string& umask) {
    return json{{"listen", {"127.0.0.1:0"}},
                {"program", {binaries::worker("contract_reporter"), folder_.path()}},
                {"umask", umask}}
        .dump();
  };
  const std::string file = folder_.write("pool.json", config("0077"));
  const Process process(binaries::preforkd, {"--config", file});
  process.err().wait_for("1/1 workers ready");
  folder_.write("pool.json", config("0007"));
  process.signal(SIGHUP);
  process.err().wait_for("reload done");
  std::vector<unsigned> masks;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    if (entry.path().filename().string().starts_with("0.")) {
      masks.push_back(json::parse(read_file(entry.path().string()))["umask"]);
    }
  }
  EXPECT_THAT(masks, testing::UnorderedElementsAre(0077U, 0007U));
}

TEST_F(ProcessSettings, a_priority_above_the_masters_needs_the_right_to_it_and_says_so) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NICE, &limit);
  if (limit.rlim_cur > 20) GTEST_SKIP() << "RLIMIT_NICE allows every user a higher priority here";
  std::vector<std::string> arguments{"--name", "test",     "--listen", "127.0.0.1:0",
                                     "--set",  "nice=-20", "--",       binaries::worker("does_as_told")};
  std::string program = binaries::preforkd;
  if (::geteuid() == 0) {
    program = "/usr/bin/setpriv";
    if (!std::filesystem::exists(program)) GTEST_SKIP() << program << " is not there to take root's rights away";
    arguments.insert(arguments.begin(), {"--bounding-set=-sys_nice", "--inh-caps=-sys_nice", binaries::preforkd});
  }
  Process process(program, arguments);
  EXPECT_EQ(process.wait_exit().status, exit_code::unavailable);
  EXPECT_THAT(process.err().wait_closed(), HasSubstr("setpriority (a higher priority than preforkd's own needs "
                                                     "CAP_SYS_NICE): Permission denied (EACCES)"));
}

}  // namespace
}  // namespace preforkd::component
