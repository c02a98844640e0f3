// SPDX-License-Identifier: MIT
// Hung workers are killed, and no worker is killed because another process was stopped.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;
using testing::Not;

// Long enough for a healthy worker on a busy machine.
const std::string hang_timeout = "2s";

Master start(const std::string& worker, unsigned workers, std::vector<std::string> arguments = {},
             StartOptions options = {}) {
  Master::Options pool;
  pool.workers = workers;
  pool.arguments = {"--set", "hang_timeout=" + hang_timeout};
  pool.arguments.insert(pool.arguments.end(), arguments.begin(), arguments.end());
  pool.start = std::move(options);
  return Master({binaries::worker(worker)}, pool);
}

// Starts another pool with a slightly longer hang_timeout and returns when its worker is reported as hung. Every
// hang_timeout that ran before has passed then, unless it was extended.
void outlast_hang_timeout() {
  Master::Options options;
  options.workers = 1;
  options.arguments = {"--set", "hang_timeout=2500ms"};
  const Master other({binaries::worker("does_as_told")}, options);
  other.log().wait_for(" died (hung)");
}

unsigned pings(Client& client) { return static_cast<unsigned>(std::stoul(client.ask("pings"))); }

void wait_for_pings(Client& client, unsigned more) {
  const unsigned before = pings(client);
  ASSERT_TRUE(eventually([&] { return pings(client) >= before + more; }));
}

void expect_nobody_killed(const Master& master, const std::vector<pid_t>& workers) {
  EXPECT_THAT(master.log().text(), Not(HasSubstr("(hung)")));
  EXPECT_EQ(master.workers(), workers);
}

// The master has read all earlier messages.
void wait_awake(const Master& master) {
  const std::size_t mark = master.log().size();
  master.signal(SIGUSR1);
  master.log().wait_for("  worker 0: pid ", mark);
}

TEST(Hang, a_handler_that_blocks_is_aborted_and_its_worker_replaced) {
  const Master master = start("prefork_does_as_told", 2);
  master.wait_ready();
  Client client(master.address());
  const unsigned slot = static_cast<unsigned>(std::stoul(client.ask("who")));
  const pid_t victim = master.worker(slot);
  const pid_t other = master.worker(1 - slot);
  const std::size_t mark = master.log().size();
  client.send("block\n");
  const std::string line = master.log().wait_for(" died", mark);
  EXPECT_THAT(line, HasSubstr("(pid " + std::to_string(victim) + ","));
  EXPECT_THAT(line, HasSubstr("died (hung): signal 6 (SIGABRT)"));
  EXPECT_TRUE(client.wait_closed());
  const pid_t replacement = master.worker(slot, mark);
  EXPECT_THAT(master.workers(), testing::UnorderedElementsAre(other, replacement));
  EXPECT_THAT(Client(master.address()).ask("hello"), HasSubstr(": hello"));
}

// Clients that send requests without waiting for replies; 50 microseconds of work for each.
class Pipelining {
 public:
  Pipelining(const std::string& address, unsigned clients) {
    for (unsigned i = 0; i < clients; ++i) threads_.emplace_back([this, address] { run(address); });
  }
  Pipelining(const Pipelining&) = delete;
  Pipelining& operator=(const Pipelining&) = delete;
  ~Pipelining() {
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void run(const std::string& address) {
    Client client(address);
    std::string requests;
    for (int i = 0; i < 20'000; ++i) requests += "toil\n";
    try {
      while (!stopping_) {
        pollfd room{client.fd(), POLLOUT, 0};
        if (::poll(&room, 1, 100) > 0) client.send_some(requests);
      }
    } catch (const ClientError&) {  // its worker was killed: the test tells
    }
  }

  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> threads_;
};

TEST(Hang, clients_that_pipeline_get_no_worker_killed_and_delay_others_little) {
  const Master master = start("prefork_does_as_told", 1);
  master.wait_ready();
  const std::vector<pid_t> workers = master.workers();
  std::chrono::steady_clock::duration worst{};
  {
    const Pipelining pipelining(master.address(), 8);
    Client client(master.address());
    std::thread other(outlast_hang_timeout);
    for (int i = 0; i < 100; ++i) {
      const auto asked = std::chrono::steady_clock::now();
      client.ask("hello");
      worst = std::max(worst, std::chrono::steady_clock::now() - asked);
    }
    other.join();
  }
  expect_nobody_killed(master, workers);
  EXPECT_LT(worst, std::chrono::seconds(1));  // each of the eight would take 0.6 seconds for what one read brings
}

TEST(Hang, a_worker_that_ignores_the_abort_is_killed) {
  const Master master = start("prefork_does_as_told", 1, {"--set", "drain_timeout=300ms"});
  master.wait_ready();
  const std::size_t mark = master.log().size();
  Client client(master.address());
  client.send("block deaf\n");
  EXPECT_THAT(master.log().wait_for("gets signal 6 (SIGABRT)", mark), HasSubstr("(hung)"));
  EXPECT_THAT(master.log().wait_for("gets signal 9 (SIGKILL)", mark), HasSubstr("(hung)"));
  EXPECT_THAT(master.log().wait_for(" died", mark), HasSubstr("died (hung): signal 9 (SIGKILL)"));
  EXPECT_GT(master.worker(0, mark), 0);
}

TEST(Hang, a_foreign_program_lives_as_long_as_it_pings) {
  const Master master = start("pings", 1);
  master.wait_ready();
  const std::vector<pid_t> workers = master.workers();
  outlast_hang_timeout();
  expect_nobody_killed(master, workers);
  Client client(master.address());
  EXPECT_EQ(client.ask("stop pinging"), "stop pinging");
  EXPECT_THAT(master.log().wait_for(" died"), HasSubstr("died (hung): signal 6 (SIGABRT)"));
}

// Slot 1, whose file is not a FIFO, is ready at once and sends no WATCHDOG=1; slot 0 is still starting when slot 1
// hangs.
TEST(Hang, a_worker_that_starts_has_its_start_timeout_not_the_hang_timeout) {
  const TempDir folder;
  const std::string fifo = folder.file("fifo");
  ASSERT_EQ(::mkfifo((fifo + "0").c_str(), 0600), 0);
  folder.write("fifo1", "");
  Master::Options options;
  options.workers = 2;
  options.arguments = {"--set", "hang_timeout=300ms", "--set", "start_timeout=1h", "--set", "restart.delay=10ms"};
  const Master master({binaries::worker("slow_to_start"), fifo}, options);
  std::string line;
  const pid_t first =
      std::stoi(master.log().wait_for(std::regex(R"(worker 0 \(pid (\d+), generation 1\) started)"), line)[1]);
  std::size_t mark = 0;
  for (int hung = 0; hung < 3; ++hung) {
    EXPECT_THAT(master.log().wait_for(" died (hung)", mark), HasSubstr("worker 1 "));
    mark = master.log().size();
  }
  UniqueFd(::open((fifo + "0").c_str(), O_WRONLY | O_CLOEXEC)).reset();
  EXPECT_EQ(master.worker(0), first);
}

// Slot 1 does not ask for more time: when it is killed, slot 0 would have been late, too.
TEST(Hang, a_worker_that_drains_may_ask_for_more_time) {
  const TempDir folder;
  const std::string fifo = folder.file("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  Master::Options options;
  options.workers = 2;
  options.arguments = {"--set", "drain_timeout=1s"};
  Master master({binaries::worker("extends_drain"), fifo}, options);
  master.wait_ready();
  const pid_t extended = master.worker(0);
  master.signal(SIGTERM);
  EXPECT_THAT(master.log().wait_for("did not drain in time"), HasSubstr("worker 1 "));
  EXPECT_TRUE(eventually([&] { return master.workers() == std::vector<pid_t>{extended}; }));
  UniqueFd(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC)).reset();
  EXPECT_EQ(master.process().wait_exit().status, 0);
  EXPECT_THAT(master.log().wait_closed(),
              Not(HasSubstr("worker 0 (pid " + std::to_string(extended) + ", generation 1) gets signal 9")));
}

TEST(Hang, a_master_that_was_stopped_kills_nobody_when_it_goes_on) {
  const Master master = start("pings", 2);
  master.wait_ready();
  const std::vector<pid_t> workers = master.workers();
  Client client(master.address());
  master.signal(SIGSTOP);
  outlast_hang_timeout();
  wait_for_pings(client, 1);
  master.signal(SIGCONT);
  wait_awake(master);
  wait_for_pings(client, 16);
  expect_nobody_killed(master, workers);
}

TEST(Hang, a_pool_that_was_suspended_as_a_whole_kills_nobody_when_it_goes_on) {
  const Master master = start("pings", 2);
  master.wait_ready();
  const std::vector<pid_t> workers = master.workers();
  Client client(master.address());
  wait_for_pings(client, 1);
  master.signal(SIGSTOP);
  for (const pid_t worker : workers) ::kill(worker, SIGSTOP);
  outlast_hang_timeout();
  // The master continues first: it must not report its silent workers as hung.
  master.signal(SIGCONT);
  wait_awake(master);
  for (const pid_t worker : workers) ::kill(worker, SIGCONT);
  wait_for_pings(client, 16);
  expect_nobody_killed(master, workers);
}

// If only the worker is stopped, it is hung: the tests above rely on that.
TEST(Hang, a_worker_that_was_stopped_alone_is_killed) {
  const Master master = start("pings", 2, {"--set", "drain_timeout=300ms"});
  master.wait_ready();
  const pid_t victim = master.worker(1);
  const std::size_t mark = master.log().size();
  ::kill(victim, SIGSTOP);
  EXPECT_THAT(master.log().wait_for(" died", mark), HasSubstr("died (hung): signal 9 (SIGKILL)"));
  EXPECT_NE(master.worker(1, mark), victim);
}

TEST(Hang, a_wall_clock_that_is_set_kills_nobody_and_recycles_nobody) {
  constexpr long day = 86400;
  const TempDir folder;
  StartOptions options;
  options.environment = {{"LD_PRELOAD", binaries::wall_clock_library},
                         {"TEST_WALL_CLOCK", folder.file("seconds")},
                         {"ASAN_OPTIONS", "verify_asan_link_order=0"}};
  const Master master = start("pings", 2, {"--set", "recycle.age=1h"}, options);
  master.wait_ready();
  ASSERT_THAT(read_file("/proc/" + std::to_string(master.pid()) + "/maps"), HasSubstr(binaries::wall_clock_library));
  const std::vector<pid_t> workers = master.workers();
  Client client(master.address());
  for (const long step : {day, -day}) {
    folder.write("seconds", std::to_string(step));
    EXPECT_NEAR(static_cast<double>(std::stol(client.ask("clock"))), static_cast<double>(std::time(nullptr) + step),
                60);
    outlast_hang_timeout();
    wait_awake(master);
    expect_nobody_killed(master, workers);
  }
  client.ask("stop pinging");
  EXPECT_THAT(master.log().wait_for(" died"), HasSubstr("died (hung)")) << "the deadlines still run";
}

class RuntimeFolder : public testing::Test {
 protected:
  // As root, preforkd uses no place that other users can't reach.
  RuntimeFolder() { std::filesystem::permissions(place_.path(), std::filesystem::perms(0755)); }

  [[nodiscard]] Master start_here() const {
    StartOptions options;
    options.environment = {{"XDG_RUNTIME_DIR", place_.path()}};
    return start("prefork_does_as_told", 2, {}, options);
  }
  [[nodiscard]] std::filesystem::path folder() const {
    return std::filesystem::directory_iterator(place_.path())->path();
  }

  TempDir place_;
};

TEST_F(RuntimeFolder, that_is_removed_is_made_again_and_no_worker_taken_for_hung) {
  const Master master = start_here();
  master.wait_ready();
  const std::vector<pid_t> workers = master.workers();
  const std::filesystem::path before = folder();
  std::filesystem::remove_all(before);
  master.log().wait_for("the notify sockets of 2 workers were removed: created again");
  EXPECT_EQ(folder(), before);
  outlast_hang_timeout();
  expect_nobody_killed(master, workers);
  Client(master.address()).send("block\n");
  EXPECT_THAT(master.log().wait_for(" died"), HasSubstr("died (hung)"));
}

TEST_F(RuntimeFolder, that_cannot_be_made_again_kills_no_worker) {
  const Master master = start_here();
  master.wait_ready();
  const std::vector<pid_t> workers = master.workers();
  const std::filesystem::path before = folder();
  std::filesystem::remove_all(before);
  place_.write(before.filename().string(), "in the way");
  master.log().wait_for("the folder can't be created again; they can't send WATCHDOG=1 any more");
  outlast_hang_timeout();
  expect_nobody_killed(master, workers);
}

}  // namespace
}  // namespace preforkd::component
