// SPDX-License-Identifier: MIT
#include "config/values/cpu_count.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>

#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

class CpuQuota : public ::testing::Test {
 protected:
  void set(const std::string& file, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(mount.path(file)).parent_path());
    mount.write(file, text);
  }

  TempFolder mount;
};

TEST_F(CpuQuota, takes_the_least_on_the_way_up_in_version_2) {
  set("a/cpu.max", "150000 100000\n");
  set("a/b/cpu.max", "max 100000\n");
  set("a/c/cpu.max", "50000 100000\n");
  set("a/d/cpu.max", "400000 100000\n");
  EXPECT_EQ(cpu_quota("0::/a/d\n", mount.path()), 1.5);
  EXPECT_EQ(cpu_quota("0::/a/b\n", mount.path()), 1.5);
  EXPECT_EQ(cpu_quota("0::/a/c\n", mount.path()), 0.5);
  EXPECT_EQ(cpu_quota("0::/\n", mount.path()), std::nullopt);
}

TEST_F(CpuQuota, reads_the_mount_of_version_1) {
  set("cpu,cpuacct/docker/x/cpu.cfs_quota_us", "300000\n");
  set("cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n");
  set("cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  set("cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpu_quota("5:cpuset:/docker/x\n4:cpu,cpuacct:/docker/x\n0::/\n", mount.path()), 3.0);
  EXPECT_EQ(cpu_quota("4:cpu,cpuacct:/elsewhere\n", mount.path()), std::nullopt);
}

TEST_F(CpuQuota, sees_only_the_root_from_inside_a_namespace) {
  set("cpu.max", "200000 100000\n");
  EXPECT_EQ(cpu_quota("0::/../../user.slice\n", mount.path()), 2.0);
}

TEST_F(CpuQuota, nonsense_is_no_limit) {
  set("a/cpu.max", "0 0\n");
  set("b/cpu.max", "x");
  for (const char* const text : {"", "\n\n", "0", "0:", "0::", "0::/a", "0::/b", "0::/none", ":::::"}) {
    EXPECT_EQ(cpu_quota(text, mount.path()), std::nullopt) << text;
  }
}

TEST(CpuCount, follows_the_affinity_mask) {
  EXPECT_GE(available_cpus(), 1U);
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(available_cpus(), 1U);
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
}

}  // namespace
}  // namespace preforkd
