// SPDX-License-Identifier: MIT
#include "master/process/service_group.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

constexpr pid_t self = 4711;

std::optional<std::string> group_of(const std::string& membership, const char* exec_pid = "4711") {
  return service_group(membership, "/sys/fs/cgroup", "echo", exec_pid, self);
}

TEST(ServiceGroupTest, is_the_pools_own) {
  EXPECT_EQ(group_of("0::/system.slice/system-preforkd.slice/preforkd@echo.service\n"),
            "/sys/fs/cgroup/system.slice/system-preforkd.slice/preforkd@echo.service");
}

TEST(ServiceGroupTest, is_the_services_if_the_master_is_in_a_group_of_its_own) {
  EXPECT_EQ(group_of("0::/system.slice/preforkd@echo.service/master\n"),
            "/sys/fs/cgroup/system.slice/preforkd@echo.service");
}

TEST(ServiceGroupTest, knows_the_masters_own) {
  EXPECT_TRUE(is_in_master_group("4:memory:/a\n0::/system.slice/preforkd@echo.service/master\n"));
  EXPECT_FALSE(is_in_master_group("0::/system.slice/preforkd@echo.service\n"));
  EXPECT_FALSE(is_in_master_group("0::/user.slice/master\n4:memory:/a.service/master\n"));
}

// These groups contain other processes, too.
TEST(ServiceGroupTest, is_none_that_others_share) {
  EXPECT_EQ(group_of("0::/user.slice/user-0.slice/session-1.scope\n"), std::nullopt);
  EXPECT_EQ(group_of("0::/system.slice/mine.service\n"), std::nullopt);
  EXPECT_EQ(group_of("0::/system.slice/preforkd@other.service\n"), std::nullopt);
  EXPECT_EQ(group_of("0::/system.slice/preforkd@echo.service/below\n"), std::nullopt);
  EXPECT_EQ(group_of("0::/system.slice/preforkd@echo.service/w.1/master\n"), std::nullopt);
  EXPECT_EQ(group_of("0::/\n"), std::nullopt);
  EXPECT_EQ(group_of("5:memory:/system.slice/preforkd@echo.service\n"), std::nullopt);
  EXPECT_EQ(group_of(""), std::nullopt);
}

// A shell in the service's group, or a program that it started.
TEST(ServiceGroupTest, is_none_of_a_process_that_systemd_has_not_started) {
  const std::string membership = "0::/system.slice/preforkd@echo.service\n";
  EXPECT_EQ(group_of(membership, nullptr), std::nullopt);
  EXPECT_EQ(group_of(membership, ""), std::nullopt);
  EXPECT_EQ(group_of(membership, "4712"), std::nullopt);
  EXPECT_EQ(group_of(membership, "47110"), std::nullopt);
}

}  // namespace
}  // namespace preforkd
