// SPDX-License-Identifier: MIT
// Valid and invalid messages from workers to the master.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <string>

#include "base/unique_fd.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(NotifySocket, a_status_is_shown_in_the_table) {
  const Master master({binaries::worker("does_as_told")}, with_workers(1));
  master.wait_ready();
  Client(master.address()).ask("notify STATUS=42 things done");
  Client(master.address()).ask("barrier");
  master.signal(SIGUSR1);
  EXPECT_THAT(master.log().wait_for("  worker 0: pid "), HasSubstr("\"42 things"));
}

TEST(NotifySocket, a_barrier_is_answered_once_everything_before_it_was_handled) {
  const Master master({binaries::worker("does_as_told")}, with_workers(1));
  master.wait_ready();
  Client client(master.address());
  EXPECT_THAT(client.ask("barrier"), HasSubstr(": barrier"));
}

TEST(NotifySocket, a_worker_that_stops_by_itself_is_replaced_before_it_leaves) {
  const Master master({binaries::worker("does_as_told")}, with_workers(1));
  master.wait_ready();
  Client client(master.address());
  const std::size_t mark = master.log().size();
  client.ask("notify STOPPING=1");
  EXPECT_GT(master.worker(0, mark), 0);
  EXPECT_THAT(client.ask("still serving"), HasSubstr(": still serving"));
}

TEST(NotifySocket, a_worker_that_asks_for_time_gets_it) {
  const TempDir folder;
  const std::string fifo = folder.file("fifo");
  ASSERT_EQ(::mkfifo((fifo + "0").c_str(), 0600), 0);
  const std::vector<std::string> short_timeout{"--set", "start_timeout=2s"};
  const Master patient({binaries::worker("slow_to_start"), fifo}, with_workers(1, short_timeout));
  patient.log().wait_for("worker 0");
  {
    // The start timeout of a pool that started later has passed: so that of the first would have passed, if not
    // extended.
    const Master other({binaries::worker("hangs_on_start")}, with_workers(1, short_timeout));
    other.log().wait_for("not ready in time");
  }
  EXPECT_THAT(patient.log().text(), Not(HasSubstr("not ready in time")));
  UniqueFd(::open((fifo + "0").c_str(), O_WRONLY | O_CLOEXEC)).reset();
  patient.wait_ready();
}

TEST(NotifySocket, a_flood_of_garbage_harms_nothing) {
  Master master({binaries::worker("notify_flooder")}, with_workers(1));
  master.wait_ready();
  master.out().wait_for("flooded");
  const std::size_t descriptors = descriptors_of(master.pid()).size();
  const std::size_t mark = master.log().size();
  EXPECT_LT(mark, 100000U) << "the flood reached the log";
  master.signal(SIGUSR1);
  EXPECT_THAT(master.log().wait_for("  worker 0: pid ", mark), HasSubstr("ready"));
  EXPECT_LE(descriptors_of(master.pid()).size(), descriptors + 300);
  EXPECT_EQ(master.stop().status, 0);
}

TEST(NotifySocket, a_flooding_worker_does_not_hold_up_the_others) {
  const Master flooded({binaries::worker("notify_flooder")});
  flooded.wait_ready();
  const std::size_t mark = flooded.log().size();
  const pid_t victim = flooded.worker(2);
  ::kill(victim, SIGKILL);
  EXPECT_NE(flooded.worker(2, mark), victim);
}

}  // namespace
}  // namespace preforkd::component
