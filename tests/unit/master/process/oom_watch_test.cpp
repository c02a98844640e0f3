// SPDX-License-Identifier: MIT
#include "master/process/oom_watch.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr WorkerId one{1};
constexpr WorkerId other{2};

// Groups that are plain folders. The kernel, too, reports a change of memory.events by inotify.
class OomWatchTest : public testing::Test {
 protected:
  [[nodiscard]] GroupFolder group(const std::string& name) const {
    std::filesystem::create_directory(mount.path(name));
    mount.write(name + "/memory.events", "low 0\noom 0\noom_kill 0\n");
    return GroupFolder(mount.path(name));
  }
  // In place: the kernel's file never is empty.
  static void kill_in(const GroupFolder& group, char count) {
    const UniqueFd file(open((group.path() + "/memory.events").c_str(), O_WRONLY | O_CLOEXEC));
    const std::string text = std::string("low 0\noom 1\noom_kill ") + count + '\n';
    ASSERT_EQ(write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // The loop handles what the kernel has reported.
  void turn() { ASSERT_TRUE(loop.run_once(seconds(10))); }

  TempFolder mount;
  EventLoop loop;
  OomWatch watch{loop};
};

TEST_F(OomWatchTest, a_kill_explains_the_death_of_its_worker_and_of_no_other) {
  const GroupFolder first = group("w.1");
  watch.add(one, first);
  watch.add(other, group("w.2"));
  kill_in(first, '1');
  const Instant now = SteadyClock().now();
  EXPECT_EQ(watch.explain_death(other, now), false);
  EXPECT_EQ(watch.explain_death(one, now), true);
  EXPECT_EQ(watch.explain_death(one, now), false);
}

TEST_F(OomWatchTest, an_old_kill_of_a_child_explains_no_death) {
  const GroupFolder first = group("w.1");
  watch.add(one, first);
  kill_in(first, '1');
  turn();
  EXPECT_EQ(watch.explain_death(one, SteadyClock().now() + minutes(1)), false);
  kill_in(first, '2');
  EXPECT_EQ(watch.explain_death(one, SteadyClock().now() + minutes(2)), true);
}

TEST_F(OomWatchTest, a_fresh_one_does_after_it_was_reported) {
  const GroupFolder first = group("w.1");
  watch.add(one, first);
  kill_in(first, '1');
  turn();
  EXPECT_EQ(watch.explain_death(one, SteadyClock().now() + seconds(1)), true);
}

TEST_F(OomWatchTest, what_an_earlier_master_has_seen_does_not_count) {
  const GroupFolder first = group("w.1");
  kill_in(first, '3');
  watch.add(one, first);
  EXPECT_EQ(watch.explain_death(one, SteadyClock().now()), false);
  kill_in(first, '4');
  EXPECT_EQ(watch.explain_death(one, SteadyClock().now()), true);
}

TEST_F(OomWatchTest, without_a_count_of_its_own_nothing_is_known) {
  std::filesystem::create_directory(mount.path("w.1"));
  watch.add(one, GroupFolder(mount.path("w.1")));
  EXPECT_EQ(watch.explain_death(one, SteadyClock().now()), std::nullopt);
  EXPECT_EQ(watch.explain_death(other, SteadyClock().now()), std::nullopt);
}

TEST_F(OomWatchTest, a_worker_that_is_gone_wakes_nothing_up) {
  const GroupFolder first = group("w.1");
  watch.add(one, first);
  watch.remove(one);
  watch.remove(one);
  ASSERT_TRUE(loop.run_once(seconds(10))) << "the kernel says that the watch is gone";
  kill_in(first, '1');
  EXPECT_FALSE(loop.run_once(Duration(0)));
  EXPECT_EQ(watch.explain_death(one, SteadyClock().now()), std::nullopt);
}

}  // namespace
}  // namespace preforkd
