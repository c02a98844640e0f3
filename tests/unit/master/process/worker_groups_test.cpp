// SPDX-License-Identifier: MIT
#include "master/process/worker_groups.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

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
  WorkerGroups groups(folder().path());
  EXPECT_EQ(GroupFolder(service_.path("master")).processes(), std::vector{getpid()});
  WorkerGroups of_the_next_master(folder().path());
  EXPECT_EQ(GroupFolder(service_.path("master")).processes(), std::vector{getpid()});
}

TEST_F(WorkerGroupsTest, makes_one_for_each_worker_and_removes_it) {
  WorkerGroups groups(folder().path());
  auto first = groups.make(WorkerId{1});
  auto second = groups.make(WorkerId{2});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(names_in(folder()), (std::vector<std::string>{"w.1", "w.2"}));
  first.reset();
  EXPECT_EQ(names_in(folder()), std::vector<std::string>{"w.2"});
}

TEST_F(WorkerGroupsTest, uses_no_group_of_an_earlier_master) {
  start_in(*GroupFolder::make(service_.path("w.1")));
  WorkerGroups groups(folder().path());
  const auto group = groups.make(WorkerId{1});
  ASSERT_TRUE(group);
  EXPECT_EQ(group->folder().name(), "w.1.2");
}

TEST_F(WorkerGroupsTest, removes_a_group_later_that_still_had_a_process) {
  WorkerGroups groups(folder().path());
  auto group = groups.make(WorkerId{1});
  ASSERT_TRUE(group);
  start_in(group->folder());
  group.reset();
  EXPECT_EQ(names_in(folder()), std::vector<std::string>{"w.1"});
  ASSERT_TRUE(GroupFolder(service_.path("w.1")).kill());
  const UniqueFd events(open(service_.path("w.1/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
  pollfd changed{events.get(), POLLPRI, 0};
  while (GroupFolder(service_.path("w.1")).populated()) ASSERT_EQ(poll(&changed, 1, 10'000), 1);
  const auto next = groups.make(WorkerId{2});
  EXPECT_EQ(names_in(folder()), std::vector<std::string>{"w.2"});
}

TEST_F(WorkerGroupsTest, knows_whom_an_earlier_master_has_left) {
  const pid_t left = start_in(*GroupFolder::make(service_.path("w.1")));
  const pid_t of_systemd = start_in(*GroupFolder::make(service_.path(".control")));
  const std::vector<GroupFolder> earlier = worker_groups_in(folder());
  WorkerGroups groups(folder().path());
  const auto group = groups.make(WorkerId{1});
  ASSERT_TRUE(group);
  const pid_t mine = start_in(group->folder());
  EXPECT_EQ(numbers(elders_in_service(folder(), earlier)), std::set<pid_t>{left});
  EXPECT_EQ(numbers(others_in_service(folder())), (std::set<pid_t>{left, mine}));
  EXPECT_NE(of_systemd, 0);
}

TEST(WorkerGroupsAbsentTest, outside_a_service_there_are_none) {
  WorkerGroups groups(std::nullopt);
  EXPECT_EQ(groups.make(WorkerId{1}), nullptr);
}

TEST(WorkerGroupsAbsentTest, the_log_says_why_there_are_none) {
  const TempFolder folder;
  testing::internal::CaptureStderr();
  WorkerGroups groups(folder.path("absent"));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("workers have no control groups of their own, only sessions: cannot create " +
                     folder.path("absent") + "/master: No such file or directory (ENOENT)"),
            std::string::npos)
      << log;
  EXPECT_EQ(groups.make(WorkerId{1}), nullptr);
}

}  // namespace
}  // namespace preforkd
