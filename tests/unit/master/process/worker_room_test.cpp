// SPDX-License-Identifier: MIT
#include "master/process/worker_room.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

class WorkerRoomTest : public testing::Test {
 protected:
  void set(const std::string& name, const std::string& text) const {
    const std::filesystem::path path(mount_.path(name));
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << '\n';
  }
  [[nodiscard]] WorkerRoom room(unsigned workers, unsigned present = 0) const {
    return {workers - 1, 1, present, "0::/a.slice/b.service\n", mount_.path()};
  }

  TempFolder mount_;
};

TEST_F(WorkerRoomTest, is_enough_without_a_limit) {
  set("a.slice/b.service/pids.max", "max");
  set("a.slice/b.service/pids.current", "1");
  EXPECT_THAT(room(3).shortages(), IsEmpty());
}

class WithOpenFiles {
 public:
  explicit WithOpenFiles(rlim_t most) {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit low{most, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  }
  ~WithOpenFiles() { setrlimit(RLIMIT_NOFILE, &before_); }
  WithOpenFiles(const WithOpenFiles&) = delete;
  WithOpenFiles& operator=(const WithOpenFiles&) = delete;

 private:
  rlimit before_{};
};

TEST_F(WorkerRoomTest, names_the_lack_of_descriptors) {
  const WithOpenFiles low(100);
  EXPECT_THAT(room(10).shortages(), IsEmpty());
  EXPECT_THAT(room(30).shortages(),
              ElementsAre(testing::MatchesRegex("29 workers and 1 more in a reload need at least 1[0-9][0-9] "
                                                "descriptors, but only 100 are allowed .RLIMIT_NOFILE of "
                                                "preforkd; in its unit: LimitNOFILE=.: not all will start")));
}

// A pipe each, until their programs run.
TEST_F(WorkerRoomTest, names_the_lack_of_descriptors_while_all_start) {
  const WithOpenFiles low(145);
  EXPECT_THAT(room(28, 27).shortages(), IsEmpty());
  const std::vector<std::string> lines = room(28).shortages();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines.front(), testing::EndsWith("): not all will start at once"));
}

// Their descriptors are open already.
TEST_F(WorkerRoomTest, counts_those_that_are_there_once) {
  const WithOpenFiles low(100);
  std::vector<int> of_workers;
  for (unsigned i = 0; i < 10 * WorkerRoom::descriptors_each; ++i) of_workers.push_back(dup(STDIN_FILENO));
  EXPECT_THAT(room(12, 10).shortages(), IsEmpty());
  for (const int fd : of_workers) close(fd);
}

TEST_F(WorkerRoomTest, names_the_group_that_has_too_few_processes) {
  set("a.slice/pids.max", "25");
  set("a.slice/pids.current", "8");
  set("a.slice/b.service/pids.max", "20");
  set("a.slice/b.service/pids.current", "3");
  EXPECT_THAT(room(17).shortages(), IsEmpty());
  EXPECT_THAT(room(18).shortages(),
              ElementsAre("17 workers and 1 more in a reload need at least 21 processes, but only 20 are allowed (" +
                          mount_.path("a.slice/b.service/pids.max") + "; in a unit: TasksMax=): not all will start"));
  EXPECT_THAT(room(18, 2).shortages(), IsEmpty());
  set("a.slice/b.service/pids.max", "max");
  EXPECT_THAT(room(18).shortages(),
              ElementsAre(StartsWith("17 workers and 1 more in a reload need at least 26 processes, but only 25 are")));
}

TEST_F(WorkerRoomTest, names_the_limit_of_processes_of_a_user) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit few{20, 20};
    if (setrlimit(RLIMIT_NPROC, &few) != 0 || (geteuid() == 0 && setuid(65534) != 0)) _exit(2);
    const std::vector<std::string> lines = room(30).shortages();
    const std::string expected =
        "29 workers and 1 more in a reload need at least 31 processes, but only 20 are allowed (RLIMIT_NPROC of "
        "preforkd";
    _exit(room(19).shortages().empty() && lines.size() == 1 && lines.front().starts_with(expected) ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace preforkd
