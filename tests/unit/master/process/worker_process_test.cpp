// SPDX-License-Identifier: MIT
#include "master/process/worker_process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr WorkerId the_id{7};

// Writes down what happens, in order: 'e'xecuted, 'n'otified, 'g'one.
class Record final : public WorkerObserver {
 public:
  void on_worker_executed(WorkerId) override { order += 'e'; }
  void on_worker_notified(WorkerId, const NotifyMessage& message) override {
    order += 'n';
    messages.push_back(message);
  }
  void on_worker_gone(WorkerId id, const ExitStatus& status) override {
    EXPECT_EQ(id, the_id);
    order += 'g';
    gone = status;
  }

  std::string order;
  std::vector<NotifyMessage> messages;
  std::optional<ExitStatus> gone;
};

class WorkerProcessTest : public testing::Test {
 protected:
  WorkerProcessTest() : null_(open("/dev/null", O_RDWR | O_CLOEXEC)) {
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
    worker_.emplace(loop_, the_id, "worker 0", folder_ + "/notify.7", record_);
  }
  ~WorkerProcessTest() override {
    if (worker_->pid() != 0 && !record_.gone) {
      worker_->signal(SIGKILL);
      run_until([this] { return record_.gone.has_value(); });
    }
    worker_.reset();
    rmdir(folder_.c_str());
  }

  void start(const std::vector<std::string>& arguments) {
    SpawnPlan plan;
    plan.program = arguments.front();
    plan.arguments = arguments;
    plan.descriptors = {null_.get(), STDOUT_FILENO, STDERR_FILENO, worker_->control_end(), worker_->stats_memfd()};
    worker_->start(plan);
  }

  // Turns the loop until `condition` holds; false if it did not within the deadline.
  bool run_until(const std::function<bool()>& condition, Duration most = seconds(10)) {
    const Instant deadline = SteadyClock().now() + most;
    while (!condition()) {
      if (SteadyClock().now() > deadline) return false;
      loop_.run_once(milliseconds(100));
    }
    return true;
  }

  [[nodiscard]] UniqueFd sender() const {
    UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, worker_->notify_path().c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }
  void say(std::string_view text) const {
    const UniqueFd fd = sender();
    ASSERT_EQ(send(fd.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }

  std::string folder_ = "/tmp/preforkd-test.XXXXXX";
  UniqueFd null_;
  EventLoop loop_;
  Record record_;
  std::optional<WorkerProcess> worker_;
};

TEST_F(WorkerProcessTest, ReportsTheExecAndTheExitStatus) {
  start({"/bin/sh", "-c", "exit 3"});
  EXPECT_GT(worker_->pid(), 0);
  EXPECT_EQ(worker_->control_end(), -1);  // these are the worker's now
  EXPECT_EQ(worker_->stats_memfd(), -1);
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(record_.order, "eg");
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::exited);
  EXPECT_EQ(record_.gone->value, 3);
}

TEST_F(WorkerProcessTest, ReportsTheSignalThatEndedIt) {
  start({"/bin/sleep", "1000"});
  ASSERT_TRUE(run_until([this] { return record_.order == "e"; }));
  worker_->signal(SIGTERM);
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::signaled);
  EXPECT_EQ(record_.gone->value, SIGTERM);
  worker_->signal(SIGKILL);  // gone already: nothing happens
}

TEST_F(WorkerProcessTest, ReportsAProgramThatCannotBeExecuted) {
  start({"/nonexistent/program"});
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(record_.order, "g");
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::exec_failed);
  EXPECT_EQ(record_.gone->step, "execve");
  EXPECT_EQ(record_.gone->value, ENOENT);
}

// The exit has the higher priority, so without care the READY=1 that came first would count for nothing.
TEST_F(WorkerProcessTest, HearsWhatAWorkerSaidBeforeItsExit) {
  start({"/bin/true"});
  say("READY=1\nSTATUS=up");
  say("ERRNO=13\nSTATUS=no permission");
  const Instant deadline = SteadyClock().now() + seconds(10);
  while (kill(worker_->pid(), 0) == 0 && SteadyClock().now() < deadline && record_.order.empty()) {
    // A zombie still takes signals: turn the loop only once everything is pending at the same time.
    std::string stat(512, '\0');
    const UniqueFd fd(open(("/proc/" + std::to_string(worker_->pid()) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
    if (read(fd.get(), stat.data(), stat.size()) > 0 && stat.find(") Z ") != std::string::npos) break;
  }
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(record_.order, "nneg");
  EXPECT_TRUE(record_.messages.front().ready);
  EXPECT_EQ(worker_->status_text(), "no permission");
  EXPECT_EQ(worker_->reported_error(), EACCES);
}

TEST_F(WorkerProcessTest, KeepsAFloodFromStarvingOthers) {
  start({"/bin/sleep", "1000"});
  ASSERT_TRUE(run_until([this] { return record_.order == "e"; }));
  const UniqueFd flood = sender();
  int ticks = 0;
  EventSource timer = loop_.add_timer(Priority::deadline, milliseconds(1), [&] { ++ticks; });
  timer.arm(SteadyClock().now());
  // The queue is refilled before every turn: a source without a limit would be the only one that is ever dispatched.
  for (int turn = 0; turn < 1000 && ticks == 0; ++turn) {
    while (send(flood.get(), "STATUS=x", 8, 0) == 8) continue;
    loop_.run_once(milliseconds(10));
  }
  EXPECT_EQ(ticks, 1);
  EXPECT_LT(record_.messages.size(), 1000U);
}

TEST_F(WorkerProcessTest, LogsMessagesThatItCannotUseOnceInAWhile) {
  start({"/bin/sleep", "1000"});
  testing::internal::CaptureStderr();
  for (int i = 0; i < 5; ++i) say("garbage");
  say("READY=1");
  const bool heard = run_until([this] { return !record_.messages.empty(); });
  const std::string log = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(heard);
  EXPECT_NE(log.find("worker 0 (pid " + std::to_string(worker_->pid()) + "): ignored a notify message"),
            std::string::npos);
  EXPECT_EQ(log.find("ignored", log.find("ignored") + 1), std::string::npos);
}

TEST_F(WorkerProcessTest, SharesNoStatsBeforeTheWorkerCounts) {
  EXPECT_EQ(worker_->stats(), nullptr);
  const Result<StatsMapping> page = StatsMapping::map(worker_->stats_memfd(), true);
  ASSERT_TRUE(page);
  (*page)->connections = 12;
  (*page)->layout = StatsPage::layout_version;
  ASSERT_NE(worker_->stats(), nullptr);
  EXPECT_EQ(worker_->stats()->connections, 12U);
}

TEST_F(WorkerProcessTest, EndsTheLifelineWhenItGoes) {
  const UniqueFd worker_end(fcntl(worker_->control_end(), F_DUPFD_CLOEXEC, 3));
  EXPECT_EQ(check_lifeline(worker_end.get()), Lifeline::alive);
  worker_.emplace(loop_, the_id, "worker 0", folder_ + "/notify.7", record_);
  EXPECT_EQ(check_lifeline(worker_end.get()), Lifeline::ended);
}

}  // namespace
}  // namespace preforkd
