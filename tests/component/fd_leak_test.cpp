// SPDX-License-Identifier: MIT
// Clients, workers and reloads leave no descriptor open.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"

namespace preforkd::component {
namespace {

// Waits until a process has as many descriptors as before; lists them if it does not.
testing::AssertionResult has_as_many_as(pid_t pid, const std::map<int, std::string>& before) {
  if (eventually([&] { return descriptors_of(pid).size() == before.size(); }, std::chrono::milliseconds(5000))) {
    return testing::AssertionSuccess();
  }
  testing::AssertionResult result = testing::AssertionFailure();
  result << "there were " << before.size() << " descriptors, now there are:";
  for (const auto& [fd, target] : descriptors_of(pid)) result << "\n  " << fd << " " << target;
  return result;
}

TEST(DescriptorLeak, a_master_has_as_many_after_100_respawns) {
  constexpr unsigned slots = 4;
  const Master master({binaries::worker("does_as_told")},
                      with_workers(slots, {"--set", "restart.delay=10ms", "--set", "restart.max_delay=10ms"}));
  master.wait_ready();
  const auto before = resting_descriptors_of(master.pid());
  std::vector<std::size_t> marks(slots, 0);
  for (unsigned i = 0; i < 100; ++i) {
    const unsigned slot = i % slots;
    const pid_t worker = master.worker(slot, marks[slot]);
    marks[slot] = master.log().size();
    ASSERT_EQ(::kill(worker, SIGKILL), 0);
  }
  for (unsigned slot = 0; slot < slots; ++slot) EXPECT_GT(master.worker(slot, marks[slot]), 0);
  EXPECT_TRUE(has_as_many_as(master.pid(), before));
}

std::size_t descriptors_with(unsigned workers) {
  const Master master({binaries::worker("does_as_told")}, with_workers(workers));
  master.wait_ready();
  return resting_descriptors_of(master.pid()).size();
}

TEST(DescriptorLeak, a_worker_costs_the_master_four) { EXPECT_EQ(descriptors_with(11), descriptors_with(1) + 40); }

// The pool still runs with as many workers as there is room for.
TEST(DescriptorLeak, a_lack_of_descriptors_is_told_at_the_start) {
  Process master("/bin/sh", {"-c", "ulimit -n 64; exec \"$@\"", "sh", binaries::preforkd, "--listen", "127.0.0.1:0",
                             "--workers", "30", "--", binaries::worker("does_as_told")});
  const std::string line = master.err().wait_for("30 workers and 1 more in a reload need at least ");
  EXPECT_THAT(line, testing::HasSubstr("but only 64 are allowed (RLIMIT_NOFILE of preforkd"));
  EXPECT_TRUE(eventually([&] { return children_of(master.pid()).size() >= 5; }));
  master.signal(SIGTERM);
  EXPECT_EQ(master.wait_exit().status, 0);
}

TEST(DescriptorLeak, a_master_keeps_none_of_workers_that_never_start) {
  Master master({binaries::worker("exits_at_once"), "1"},
                with_workers(1, {"--set", "restart.delay=10ms", "--set", "restart.max_delay=10ms"}));
  master.log().wait_for("crashed 2 times");
  const auto before = resting_descriptors_of(master.pid());
  master.log().wait_for("crashed 40 times");
  // There may be one more worker than before.
  EXPECT_TRUE(eventually([&] { return descriptors_of(master.pid()).size() <= before.size() + 6; }));
}

TEST(DescriptorLeak, a_master_has_as_many_after_reloads_and_resizes) {
  const Master master({binaries::worker("does_as_told")}, with_workers(2, {}));
  master.wait_ready();
  const auto before = resting_descriptors_of(master.pid());
  for (int i = 0; i < 5; ++i) {
    const std::size_t mark = master.log().size();
    master.signal(SIGHUP);
    master.log().wait_for("reload done", mark);
    master.signal(SIGTTIN);
    EXPECT_GT(master.worker(2, mark), 0);
    master.signal(SIGTTOU);
    ASSERT_TRUE(eventually([&] { return master.workers().size() == 2; }));
  }
  EXPECT_TRUE(has_as_many_as(master.pid(), before));
}

TEST(DescriptorLeak, a_worker_has_as_many_after_1000_connections_however_they_end) {
  const Master master({binaries::prefork_echo}, with_workers(1, {"--set", "settings.log_connections=false"}));
  master.wait_ready();
  const pid_t worker = master.worker(0);
  std::map<int, std::string> before;
  {
    Client first(master.address());
    EXPECT_EQ(first.ask("hello"), "received: hello");
    before = descriptors_of(worker);
  }
  before.erase(std::prev(before.end()));  // the first client's
  for (int i = 0; i < 1000; ++i) {
    Client client(master.address());
    switch (i % 5) {
      case 0:
        EXPECT_EQ(client.ask("hello"), "received: hello");
        break;
      case 1:
        client.send("never read\n");
        break;
      case 2:
        client.send("unfinished");
        break;
      case 3:
        EXPECT_EQ(client.ask("quit"), "received: quit");
        break;
      default:
        client.send("reset");
        client.reset();
        break;
    }
  }
  EXPECT_TRUE(has_as_many_as(worker, before));
}

}  // namespace
}  // namespace preforkd::component
