// SPDX-License-Identifier: MIT
#include "master/process/oom_kills.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

using std::chrono::minutes;

class OomKillsTest : public testing::Test {
 protected:
  std::string set(const std::string& file, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(mount.path(file)).parent_path());
    return mount.write(file, text);
  }
  // As version 2 has it.
  void count(unsigned kills) {
    set("x/memory.events", "low 0\nhigh 3\nmax 5\noom 9\noom_kill " + std::to_string(kills) + "\noom_group_kill 7\n");
  }
  [[nodiscard]] OomKills begin() const { return OomKills(oom_count_file("0::/x\n", mount.path())); }

  TempFolder mount;
  Instant now{minutes(10)};
};

TEST_F(OomKillsTest, a_grown_count_explains_a_death) {
  count(4);
  OomKills kills = begin();
  EXPECT_FALSE(kills.explain_death(now)) << "kills before the start do not count";
  count(5);
  EXPECT_TRUE(kills.explain_death(now));
  EXPECT_FALSE(kills.explain_death(now));
}

TEST_F(OomKillsTest, kills_that_came_together_explain_as_many_deaths) {
  count(0);
  OomKills kills = begin();
  count(2);
  EXPECT_TRUE(kills.explain_death(now));
  EXPECT_TRUE(kills.explain_death(now + std::chrono::milliseconds(1)));
  EXPECT_FALSE(kills.explain_death(now + std::chrono::milliseconds(2)));
}

TEST_F(OomKillsTest, a_kill_that_comes_before_all_deaths_are_known_takes_none_away) {
  count(0);
  OomKills kills = begin();
  count(2);
  EXPECT_TRUE(kills.explain_death(now));
  count(3);
  EXPECT_TRUE(kills.explain_death(now + std::chrono::milliseconds(1)));
  EXPECT_TRUE(kills.explain_death(now + std::chrono::milliseconds(2)));
  EXPECT_FALSE(kills.explain_death(now + std::chrono::milliseconds(3)));
}

TEST_F(OomKillsTest, a_kill_that_no_worker_died_of_explains_no_later_death) {
  count(0);
  OomKills kills = begin();
  count(2);
  EXPECT_TRUE(kills.explain_death(now));
  EXPECT_FALSE(kills.explain_death(now + minutes(1)));
}

TEST_F(OomKillsTest, counts_those_of_the_whole_service) {
  const std::string file = set("a.service/memory.events", "oom_kill 1\n");
  set("a.service/master/memory.events", "oom_kill 0\n");
  EXPECT_EQ(oom_count_file("0::/a.service/master\n", mount.path()), file);
}

TEST_F(OomKillsTest, reads_version_1) {
  const std::string file = set("memory/docker/x/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
  EXPECT_EQ(oom_count_file("4:memory:/docker/x\n1:cpu:/\n0::/\n", mount.path()), file);
  OomKills kills(file);
  set("memory/docker/x/memory.oom_control", "oom_kill_disable 0\nunder_oom 1\noom_kill 2");
  EXPECT_TRUE(kills.explain_death(now));
}

// In a container the path is that of the host, and the container's own group is mounted.
TEST_F(OomKillsTest, takes_the_mounts_root_where_the_group_cannot_be_seen) {
  const std::string file = set("memory.events", "oom 0\noom_kill 0\n");
  EXPECT_EQ(oom_count_file("0::/../../user.slice\n", mount.path()), file);
  EXPECT_EQ(oom_count_file("0::/kubepods/pod1\n", mount.path()), file);
}

TEST_F(OomKillsTest, where_nothing_is_counted_nothing_is_found) {
  set("old/memory.events", "low 0\noom 9\n");
  set("odd/memory.events", "oom_kill x\n");
  for (const char* const text : {"", "0::/none\n", "0::/old\n", "0::/odd\n", "4:cpu:/x\n", ":::", "\n"}) {
    EXPECT_EQ(oom_count_file(text, mount.path()), std::nullopt) << text;
  }
  OomKills kills(std::nullopt);
  EXPECT_FALSE(kills.explain_death(now));
}

TEST_F(OomKillsTest, a_file_that_goes_away_is_no_reason) {
  count(4);
  OomKills kills = begin();
  std::filesystem::remove_all(mount.path("x"));
  EXPECT_FALSE(kills.explain_death(now));
  count(4);
  EXPECT_FALSE(kills.explain_death(now)) << "what was counted before is not counted again";
}

}  // namespace
}  // namespace preforkd
