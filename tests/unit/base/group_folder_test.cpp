// SPDX-License-Identifier: MIT
#include "base/group_folder.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "unit/real_group.hpp"
#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

// A child of this process in a group, which ends with the object.
class Member {
 public:
  explicit Member(const GroupFolder& group) {
    const UniqueFd entrance = group.entrance();
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    pid_ = fork();
    if (pid_ == 0) {
      const bool inside = write(entrance.get(), "0", 1) == 1;
      if (inside && write(ready[1], "", 1) == 1) pause();
      _exit(1);
    }
    close(ready[1]);
    char byte = 0;
    EXPECT_EQ(read(ready[0], &byte, 1), 1) << "the child is not in the group";
    close(ready[0]);
  }
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
  ~Member() {
    ::kill(pid_, SIGKILL);
    static_cast<void>(end());
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Waits for its end, and returns the signal that ended it.
  int end() {
    int status = 0;
    if (waitpid(pid_, &status, 0) == pid_) signal_ = WTERMSIG(status);
    return signal_;
  }

 private:
  pid_t pid_ = 0;
  int signal_ = 0;
};

class GroupFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!group_) GTEST_SKIP() << group_.reason();
  }
  [[nodiscard]] GroupFolder below(const std::string& name) const { return *GroupFolder::make(group_.path(name)); }

  RealGroup group_;
};

TEST_F(GroupFolderTest, knows_the_processes_in_it_and_below) {
  EXPECT_FALSE(group_.folder().populated());
  EXPECT_TRUE(group_.folder().processes().empty());
  const Member outer(group_.folder());
  const Member inner(below("a"));
  EXPECT_TRUE(group_.folder().populated());
  std::vector<pid_t> found = group_.folder().processes();
  std::sort(found.begin(), found.end());
  std::vector<pid_t> both{outer.pid(), inner.pid()};
  std::sort(both.begin(), both.end());
  EXPECT_EQ(found, both);
  EXPECT_EQ(GroupFolder(group_.path("a")).processes(), std::vector{inner.pid()});
}

TEST_F(GroupFolderTest, has_a_process_that_was_started_by_one_in_it_and_has_left_its_session) {
  const GroupFolder group = below("a");
  const pid_t first = fork();
  if (first == 0) {
    if (!group.enter() || fork() != 0) _exit(0);
    setsid();
    for (;;) pause();
  }
  ASSERT_EQ(waitpid(first, nullptr, 0), first);
  EXPECT_EQ(group.processes().size(), 1U);
  EXPECT_TRUE(group.populated());
  EXPECT_FALSE(group.remove());
}

TEST_F(GroupFolderTest, kills_all_at_once) {
  Member outer(group_.folder());
  Member inner(below("a"));
  if (!group_.folder().kill()) GTEST_SKIP() << "this kernel has no cgroup.kill";
  EXPECT_EQ(outer.end(), SIGKILL);
  EXPECT_EQ(inner.end(), SIGKILL);
  EXPECT_FALSE(group_.folder().populated());
}

TEST_F(GroupFolderTest, does_not_count_a_zombie) {
  const GroupFolder group = below("a");
  const Member member(group);
  ::kill(member.pid(), SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(member.pid()), &info, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(group.processes().empty());
  EXPECT_TRUE(group.remove());
}

TEST_F(GroupFolderTest, is_removed_with_the_groups_below_it) {
  const GroupFolder group = below("a");
  ASSERT_TRUE(GroupFolder::make(group.path() + "/b"));
  ASSERT_TRUE(GroupFolder::make(group.path() + "/b/c"));
  EXPECT_TRUE(group.remove());
  EXPECT_FALSE(std::filesystem::exists(group.path()));
  EXPECT_TRUE(group.remove()) << "it is gone";
}

TEST_F(GroupFolderTest, can_be_read_by_other_users_whatever_the_umask_is) {
  const mode_t before = umask(0077);
  const GroupFolder group = below("a");
  umask(before);
  struct stat status {};
  ASSERT_EQ(stat(group.path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0755U);
}

TEST_F(GroupFolderTest, is_not_made_twice) {
  static_cast<void>(below("a"));
  const auto again = GroupFolder::make(group_.path("a"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().number, EEXIST);
}

TEST(GroupFolderAbsentTest, has_nothing_and_can_do_nothing) {
  const TempFolder folder;
  const GroupFolder absent(folder.path("absent"));
  EXPECT_EQ(absent.name(), "absent");
  EXPECT_TRUE(absent.processes().empty());
  EXPECT_FALSE(absent.populated());
  EXPECT_FALSE(absent.kill());
  EXPECT_TRUE(absent.remove());
  EXPECT_FALSE(absent.entrance());
  const Result<void> entered = absent.enter();
  ASSERT_FALSE(entered);
  EXPECT_EQ(entered.error().text, "cannot enter " + folder.path("absent") + ": No such file or directory (ENOENT)");
}

}  // namespace
}  // namespace preforkd
