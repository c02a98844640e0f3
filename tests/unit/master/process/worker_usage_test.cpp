// SPDX-License-Identifier: MIT
#include "master/process/worker_usage.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <optional>
#include <string>

#include "base/process_facts.hpp"

#include "unit/real_group.hpp"
#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

using std::chrono::microseconds;

TEST(WorkerUsageTest, is_that_of_the_group_where_it_has_controllers) {
  const TempFolder group;
  group.write("cgroup.procs", std::to_string(getpid()) + "\n");
  group.write("memory.current", "5000000\n");
  group.write("memory.stat", "anon 4000000\nfile 900000\nfile_mapped 1\n");
  group.write("memory.events", "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n");
  group.write("cpu.stat", "usage_usec 1234\nuser_usec 1000\nsystem_usec 234\n");
  group.write("cpu.pressure", "some avg10=12.34 avg60=0.00 avg300=0.00 total=4711\n");
  group.write("io.pressure", "some avg10=0.50 avg60=0.00 avg300=0.00 total=1\nfull avg10=99.00 avg60=0.00 total=1\n");
  const WorkerUsage usage = usage_of(GroupFolder(group.path()));
  EXPECT_EQ(usage.memory, 4'100'000U) << "the cache of files is not the worker's own";
  EXPECT_EQ(usage.cpu, microseconds(1234));
  EXPECT_EQ(usage.processes, 1U);
  EXPECT_EQ(usage.oom_kills, 2U);
  EXPECT_EQ(usage.pressure, (std::map<std::string, double>{{"cpu", 12.34}, {"io", 0.5}}));
}

TEST(WorkerUsageTest, is_the_sum_of_its_processes_where_the_group_has_no_memory_controller) {
  const TempFolder group;
  group.write("cgroup.procs", std::to_string(getpid()) + "\n");
  ASSERT_EQ(mkdir(group.path("below").c_str(), 0755), 0);
  group.write("below/cgroup.procs", std::to_string(getppid()) + "\n");
  const WorkerUsage usage = usage_of(GroupFolder(group.path()));
  EXPECT_EQ(usage.processes, 2U);
  EXPECT_GT(usage.memory, own_memory(getppid()).value_or(0));
  EXPECT_EQ(usage.oom_kills, std::nullopt);
  EXPECT_TRUE(usage.pressure.empty());
}

TEST(WorkerUsageTest, in_all_is_that_of_the_group_as_far_as_the_kernel_counts_it) {
  rusage first{};
  first.ru_utime = {1, 200'000};
  first.ru_stime = {0, 34'000};
  first.ru_maxrss = 5;
  EXPECT_EQ(lifetime_usage(nullptr, first), (LifetimeUsage{microseconds(1'234'000), 5120}));
  const TempFolder group;
  const GroupFolder folder(group.path());
  EXPECT_EQ(lifetime_usage(&folder, first), (LifetimeUsage{microseconds(1'234'000), 5120})) << "it has vanished";
  group.write("cpu.stat", "usage_usec 2000000\nuser_usec 1000000\nsystem_usec 1000000\n");
  group.write("memory.current", "0\n");
  EXPECT_EQ(lifetime_usage(&folder, first), (LifetimeUsage{microseconds(2'000'000), 5120}));
  group.write("memory.peak", "83000000\n");
  EXPECT_EQ(lifetime_usage(&folder, first), (LifetimeUsage{microseconds(2'000'000), 83'000'000}));
}

TEST(WorkerUsageTest, a_number_is_only_one_of_its_own_line) {
  const TempFolder group;
  group.write("memory.max", "max\n");
  group.write("memory.stat", "file_mapped 7\nfile 5\n");
  const GroupFolder folder(group.path());
  EXPECT_EQ(folder.number("memory.stat", "file"), 5U);
  EXPECT_EQ(folder.number("memory.stat", "fil"), std::nullopt);
  EXPECT_EQ(folder.number("memory.max"), std::nullopt);
  EXPECT_EQ(folder.number("absent"), std::nullopt);
}

TEST(WorkerUsageTest, a_file_is_written_only_if_it_exists) {
  const TempFolder group;
  group.write("memory.max", "max\n");
  const GroupFolder folder(group.path());
  ASSERT_TRUE(folder.set("memory.max", "4096"));
  EXPECT_EQ(folder.number("memory.max"), 4096U);
  const Result<void> absent = folder.set("cpu.weight", "1");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().number, ENOENT);
  EXPECT_EQ(absent.error().text, "cannot write " + group.path("cpu.weight") + ": No such file or directory (ENOENT)");
}

// Real groups have this without controllers.
TEST(WorkerUsageTest, counts_the_processor_time_of_processes_that_have_ended) {
  const RealGroup group;
  if (!group) GTEST_SKIP() << group.reason();
  const pid_t child = fork();
  if (child == 0) {
    if (!group.folder().enter()) _exit(1);
    const auto begin = own_cpu_time();
    while (own_cpu_time() - begin < microseconds(20'000)) continue;
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  const WorkerUsage usage = usage_of(group.folder());
  EXPECT_GE(usage.cpu, microseconds(20'000));
  EXPECT_EQ(usage.processes, 0U);
  EXPECT_EQ(usage.memory, 0U);
}

TEST(WorkerUsageTest, of_one_process_is_its_own) {
  const WorkerUsage usage = usage_of(getpid());
  EXPECT_GT(usage.memory, 100'000U);
  EXPECT_GT(usage.cpu, microseconds(0));
  EXPECT_EQ(usage.processes, 1U);
}

}  // namespace
}  // namespace preforkd
