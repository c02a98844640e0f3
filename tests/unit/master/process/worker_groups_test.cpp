// SPDX-License-Identifier: MIT
#include "master/process/worker_groups.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/process_facts.hpp"
#include "master/process/service_group.hpp"

#include "unit/real_group.hpp"
#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

std::vector<std::string> names_in(const GroupFolder& service) {
  std::vector<std::string> names;
  for (const GroupFolder& group : worker_groups_in(service)) names.push_back(group.name());
  std::sort(names.begin(), names.end());
  return names;
}

std::set<pid_t> numbers(const std::vector<ProcessName>& processes) {
  std::set<pid_t> found;
  for (const ProcessName& process : processes) found.insert(process.pid);
  return found;
}

class WorkerGroupsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!service_) GTEST_SKIP() << service_.reason();
  }
  // A process in a group, which ends with the service.
  static pid_t start_in(const GroupFolder& group) {
    const pid_t pid = fork();
    if (pid == 0) {
      if (!group.enter()) _exit(1);
      if (fork() == 0) pause();
      _exit(0);
    }
    EXPECT_EQ(waitpid(pid, nullptr, 0), pid);
    EXPECT_EQ(group.processes().size(), 1U);
    return group.processes().empty() ? 0 : group.processes().front();
  }
  [[nodiscard]] const GroupFolder& folder() const { return service_.folder(); }

  RealGroup service_;
};

TEST_F(WorkerGroupsTest, moves_the_master_into_a_group_of_its_own) {
  WorkerGroups groups(folder().path(), false);
  EXPECT_EQ(GroupFolder(service_.path("master")).processes(), std::vector{getpid()});
  WorkerGroups of_the_next_master(folder().path(), false);
  EXPECT_EQ(GroupFolder(service_.path("master")).processes(), std::vector{getpid()});
}

TEST_F(WorkerGroupsTest, makes_one_for_each_worker_and_removes_it) {
  WorkerGroups groups(folder().path(), false);
  auto first = groups.make(WorkerId{1}, {});
  auto second = groups.make(WorkerId{2}, {});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(names_in(folder()), (std::vector<std::string>{"w.1", "w.2"}));
  first.reset();
  EXPECT_EQ(names_in(folder()), std::vector<std::string>{"w.2"});
}

TEST_F(WorkerGroupsTest, lets_all_processes_survive_a_soft_reboot_if_the_service_does) {
  constexpr const char* mark = "user.survive_final_kill_signal";
  const auto is_marked = [&](const std::string& path) { return getxattr(path.c_str(), mark, nullptr, 0) == 1; };
  {
    WorkerGroups groups(folder().path(), false);
    const auto group = groups.make(WorkerId{1}, {});
    ASSERT_TRUE(group);
    EXPECT_FALSE(is_marked(group->folder().path()));
  }
  ASSERT_EQ(setxattr(folder().path().c_str(), mark, "1", 1, 0), 0);
  WorkerGroups groups(folder().path(), false);
  const auto group = groups.make(WorkerId{1}, {});
  ASSERT_TRUE(group);
  EXPECT_TRUE(is_marked(group->folder().path()));
  EXPECT_TRUE(is_marked(service_.path("master")));
}

TEST_F(WorkerGroupsTest, uses_no_group_of_an_earlier_master) {
  start_in(*GroupFolder::make(service_.path("w.1")));
  WorkerGroups groups(folder().path(), false);
  const auto group = groups.make(WorkerId{1}, {});
  ASSERT_TRUE(group);
  EXPECT_EQ(group->folder().name(), "w.1.2");
}

TEST_F(WorkerGroupsTest, ends_what_outlives_its_worker_and_removes_the_group_later) {
  WorkerGroups groups(folder().path(), false);
  auto group = groups.make(WorkerId{1}, {});
  ASSERT_TRUE(group);
  start_in(group->folder());
  group.reset();
  EXPECT_EQ(names_in(folder()), std::vector<std::string>{"w.1"});
  groups.end_abandoned();
  const UniqueFd events(open(service_.path("w.1/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
  pollfd changed{events.get(), POLLPRI, 0};
  std::array<char, 64> text{};  // only what was read can change
  while (pread(events.get(), text.data(), text.size(), 0) > 0 && GroupFolder(service_.path("w.1")).populated()) {
    ASSERT_EQ(poll(&changed, 1, 10'000), 1);
  }
  const auto next = groups.make(WorkerId{2}, {});
  EXPECT_EQ(names_in(folder()), std::vector<std::string>{"w.2"});
}

TEST_F(WorkerGroupsTest, knows_whom_an_earlier_master_has_left) {
  const pid_t left = start_in(*GroupFolder::make(service_.path("w.1")));
  const pid_t of_systemd = start_in(*GroupFolder::make(service_.path(".control")));
  const std::vector<GroupFolder> earlier = worker_groups_in(folder());
  WorkerGroups groups(folder().path(), false);
  const auto group = groups.make(WorkerId{1}, {});
  ASSERT_TRUE(group);
  const pid_t mine = start_in(group->folder());
  EXPECT_EQ(numbers(elders_in_service(folder(), earlier)), std::set<pid_t>{left});
  EXPECT_EQ(numbers(others_in_service(folder())), (std::set<pid_t>{left, mine}));
  EXPECT_NE(of_systemd, 0);
}

TEST_F(WorkerGroupsTest, adopts_one_of_an_earlier_master) {
  ASSERT_TRUE(GroupFolder::make(service_.path("w.1.2")));
  WorkerGroups groups(folder().path(), false);
  {
    const auto group = groups.adopt("w.1.2");
    ASSERT_TRUE(group);
    EXPECT_EQ(group->folder().path(), service_.path("w.1.2"));
  }
  EXPECT_EQ(names_in(folder()), std::vector<std::string>{}) << "it is removed with its worker";
}

TEST_F(WorkerGroupsTest, adopts_nothing_else) {
  WorkerGroups groups(folder().path(), false);
  for (const char* const name : {"other", "w.1"}) ASSERT_TRUE(GroupFolder::make(service_.path(name)));
  for (const char* const name : {"", "w.9", "master", "other", "w.1/../other", ".."}) {
    EXPECT_EQ(groups.adopt(name), nullptr) << name;
  }
  EXPECT_EQ(WorkerGroups(std::nullopt, false).adopt("w.1"), nullptr);
}

TEST_F(WorkerGroupsTest, an_adopted_worker_is_not_an_elder) {
  const pid_t left = start_in(*GroupFolder::make(service_.path("w.1")));
  const pid_t adopted = start_in(*GroupFolder::make(service_.path("w.2")));
  WorkerParts parts;
  parts.pid = adopted;
  parts.group = "w.2";
  EXPECT_EQ(numbers(elders_in_service(folder(), worker_groups_in(folder()), {parts})), std::set<pid_t>{left});
}

TEST_F(WorkerGroupsTest, nor_are_the_processes_of_one_without_a_group) {
  const GroupFolder shared = *GroupFolder::make(service_.path("w.1"));
  const auto start = [&shared](const std::string& script) {
    const pid_t pid = fork();
    if (pid == 0) {
      if (!shared.enter() || setsid() < 0) _exit(1);
      execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
      _exit(1);
    }
    return pid;
  };
  WorkerParts parts;
  parts.notify_path = "/run/the/notify.1";
  parts.pid = start("tail -f /dev/null & NOTIFY_SOCKET=/run/the/notify.1 setsid tail -f /dev/null & wait");
  const pid_t other = start("exec tail -f /dev/null");
  const auto tails = [&shared] {
    const std::vector<ProcessName> all = processes_of(shared);
    return std::count_if(all.begin(), all.end(), [](const ProcessName& each) { return each.name == "tail"; });
  };
  const Instant deadline = SteadyClock().now() + std::chrono::seconds(10);
  while (tails() < 3 && SteadyClock().now() < deadline) continue;
  ASSERT_EQ(tails(), 3);
  EXPECT_EQ(numbers(elders_in_service(folder(), {shared}, {parts})), std::set<pid_t>{other});
  ASSERT_TRUE(shared.kill());
  for (const pid_t child : {parts.pid, other}) EXPECT_EQ(waitpid(child, nullptr, 0), child);
}

TEST_F(WorkerGroupsTest, one_that_cannot_be_made_is_logged_once_and_keeps_no_worker_from_starting) {
  WorkerGroups groups(folder().path(), false);
  ASSERT_TRUE(folder().set("cgroup.max.descendants", "1"));  // that of the master
  testing::internal::CaptureStderr();
  EXPECT_EQ(groups.make(WorkerId{1}, {}), nullptr);
  EXPECT_EQ(groups.make(WorkerId{2}, {}), nullptr);
  const std::string log = testing::internal::GetCapturedStderr();
  const std::string line = "a worker gets no control group of its own: cannot create " + service_.path("w.");
  EXPECT_NE(log.find(line), std::string::npos) << log;
  EXPECT_EQ(log.find(line), log.rfind(line));
  ASSERT_TRUE(folder().set("cgroup.max.descendants", "max"));
  EXPECT_TRUE(groups.make(WorkerId{3}, {}));
}

GroupLimit limit(std::size_t which, const std::string& value) { return {named_group_limits.at(which), value, value}; }

// What DelegateSubgroup= does. A real hierarchy on this machine may have no controllers.
TEST_F(WorkerGroupsTest, with_a_group_for_the_master_from_systemd_tell_which_limit_has_no_controller) {
  WorkerGroups groups(folder().path(), true);
  testing::internal::CaptureStderr();
  const auto group = groups.make(WorkerId{1}, {limit(0, "1000000000")});
  const std::string log = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(group);
  if (group->folder().number("memory.max") == 1'000'000'000U - 1'000'000'000U % 4096U) return;
  EXPECT_NE(log.find("memory_max has no effect: the service has no memory controller: cannot write " +
                     service_.path("cgroup.subtree_control")),
            std::string::npos)
      << log;
}

TEST_F(WorkerGroupsTest, set_no_limits_if_the_next_master_could_not_start_with_them) {
  WorkerGroups groups(folder().path(), false);
  testing::internal::CaptureStderr();
  for (const WorkerId id : {WorkerId{1}, WorkerId{2}}) EXPECT_TRUE(groups.make(id, {limit(4, "5")}));
  const std::string log = testing::internal::GetCapturedStderr();
  const std::string line = "pids_max has no effect: that needs systemd 254 or later (DelegateSubgroup=)";
  EXPECT_NE(log.find(line), std::string::npos) << log;
  EXPECT_EQ(log.find(line), log.rfind(line)) << "the log says it once";
}

// The first one has moved this process, as a master does before it is upgraded in place. Control groups without
// controllers do not show what is enabled, so these are plain files.
TEST(WorkerGroupsControllersTest, are_enabled_only_if_systemd_has_started_this_process_in_a_group_of_its_own) {
  const TempFolder service;
  std::filesystem::create_directory(service.path("master"));
  service.write("master/cgroup.procs", "");
  service.write("cgroup.subtree_control", "");
  for (int masters = 0; masters < 2; ++masters) {
    WorkerGroups groups(service.path(), false);
    testing::internal::CaptureStderr();
    EXPECT_TRUE(groups.make(WorkerId{1}, {limit(0, "5")}));
    EXPECT_NE(testing::internal::GetCapturedStderr().find("memory_max has no effect: that needs systemd 254"),
              std::string::npos);
    EXPECT_EQ(read_kernel_file(service.path("cgroup.subtree_control")), "");
  }
  WorkerGroups groups(service.path(), true);
  EXPECT_NE(read_kernel_file(service.path("cgroup.subtree_control")), "");
}

TEST(WorkerGroupsControllersTest, that_the_service_has_not_come_with_the_command_that_may_mend_it) {
  const TempFolder folder;
  const std::string service = folder.path("preforkd@web.service");
  std::filesystem::create_directories(service + "/master");
  folder.write("preforkd@web.service/master/cgroup.procs", "");
  WorkerGroups groups(service, true);
  testing::internal::CaptureStderr();
  EXPECT_TRUE(groups.make(WorkerId{1}, {limit(2, "5")}));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("cpu_weight has no effect: the service has no cpu controller: cannot write " + service),
            std::string::npos)
      << log;
  EXPECT_NE(log.find("; if the config is newer than its units: preforkctl apply web\n"), std::string::npos) << log;
}

TEST(WorkerGroupsAbsentTest, limits_have_no_effect) {
  WorkerGroups groups(std::nullopt, false);
  testing::internal::CaptureStderr();
  EXPECT_EQ(groups.make(WorkerId{1}, {limit(2, "5")}), nullptr);
  EXPECT_NE(testing::internal::GetCapturedStderr().find(
                "cpu_weight has no effect: the workers have no control groups of their own"),
            std::string::npos);
}

TEST(GroupLimitDoubtsTest, name_what_is_in_the_way) {
  const TempFolder mount;
  const std::vector<GroupLimit> two{limit(0, "1"), limit(3, "1")};
  using testing::ElementsAre;
  EXPECT_THAT(doubts_about({}, false, mount.path()), ElementsAre());
  const std::string by_hand = " will have no effect: only a service of systemd has control groups for its workers";
  EXPECT_THAT(doubts_about(two, false, mount.path()), ElementsAre("memory_max" + by_hand, "cpu_max" + by_hand));
  const std::string version = " will have no effect: this machine does not use version 2 of control groups";
  EXPECT_THAT(doubts_about(two, true, mount.path()), ElementsAre("memory_max" + version, "cpu_max" + version));
  mount.write("cgroup.controllers", "cpuset io memory\n");
  const std::vector<std::string> doubts = doubts_about(two, true, mount.path());
  ASSERT_FALSE(doubts.empty());
  EXPECT_EQ(doubts.back(),
            "cpu_max will have no effect: the kernel has no cpu controller in version 2 of control groups");
}

TEST(WorkerGroupsAbsentTest, outside_a_service_there_are_none) {
  WorkerGroups groups(std::nullopt, false);
  EXPECT_EQ(groups.make(WorkerId{1}, {}), nullptr);
}

TEST(WorkerGroupsAbsentTest, the_log_says_why_there_are_none) {
  const TempFolder folder;
  testing::internal::CaptureStderr();
  WorkerGroups groups(folder.path("absent"), false);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("workers have no control groups of their own, only sessions: cannot create " +
                     folder.path("absent") + "/master: No such file or directory (ENOENT)"),
            std::string::npos)
      << log;
  EXPECT_EQ(groups.make(WorkerId{1}, {}), nullptr);
}

}  // namespace
}  // namespace preforkd
