// SPDX-License-Identifier: MIT
// Workers that an earlier master has started: children of this process, as after an execve, and of another one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/pidfd.hpp"
#include "base/process_facts.hpp"
#include "master/process/worker_process.hpp"
#include "wire/packet.hpp"

#include "unit/kernel_version.hpp"
#include "unit/real_group.hpp"

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr WorkerId the_id{7};

// Records the events in order: 'e'xecuted, 'n'otified, 's'aid, 'g'one, no 'r'emains.
class Record final : public WorkerObserver {
 public:
  void on_worker_executed(WorkerId) override { order += 'e'; }
  void on_worker_file_changed(WorkerId, std::size_t) override { order += 'c'; }
  void on_worker_notified(WorkerId, const NotifyMessage&) override { order += 'n'; }
  void on_worker_said(WorkerId, const ControlLink::Message&) override { order += 's'; }
  void on_worker_gone(WorkerId, const ExitStatus& status) override {
    order += 'g';
    gone = status;
  }
  void on_remains_gone(WorkerId) override { order += 'r'; }

  std::string order;
  std::optional<ExitStatus> gone;
};

// Whether this process inherits orphans.
class Subreaper {
 public:
  explicit Subreaper(bool is_one) { prctl(PR_SET_CHILD_SUBREAPER, is_one ? 1 : 0); }
  Subreaper(const Subreaper&) = delete;
  Subreaper& operator=(const Subreaper&) = delete;
  ~Subreaper() { prctl(PR_SET_CHILD_SUBREAPER, 0); }
};

class AdoptedWorkerTest : public testing::Test {
 protected:
  explicit AdoptedWorkerTest(bool gets_orphans = true)
      : subreaper_(gets_orphans), null_(open("/dev/null", O_RDWR | O_CLOEXEC)) {
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    input_.reset(ends[0]);
    end_.reset(ends[1]);
    Result<ControlChannel> channel = ControlChannel::open();
    descriptors_.control = std::move(channel->master_end);
    worker_end_ = std::move(channel->worker_end);
    descriptors_.stats = *make_stats_memfd("preforkd-stats");
    stats_ = std::move(*StatsMapping::map(descriptors_.stats.get(), true));
    parts_.notify_path = folder_ + "/notify.7";
    parts_.reported = true;
    bind_notify();
  }
  ~AdoptedWorkerTest() override {
    if (pidfd_) send_signal(pidfd_.get(), SIGKILL);
    if (parts_.pid > 1) kill(-parts_.pid, SIGKILL);  // what a test that fails has left
    worker_.reset();
    if (const pid_t child = is_child_ ? parts_.pid : parent_; child > 0) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }

  // The socket of an object that did not remove its path, like that of a process that was killed.
  void bind_notify() {
    const std::string kept = folder_ + "/kept";
    {
      const NotifySocket first(parts_.notify_path);
      descriptors_.notify.reset(fcntl(first.fd(), F_DUPFD_CLOEXEC, 3));
      EXPECT_EQ(link(parts_.notify_path.c_str(), kept.c_str()), 0);
    }
    EXPECT_EQ(rename(kept.c_str(), parts_.notify_path.c_str()), 0);
  }

  [[nodiscard]] SpawnPlan plan(const std::string& script) const {
    SpawnPlan plan;
    plan.program = "/bin/sh";
    plan.arguments = {"/bin/sh", "-c", script};
    plan.environment = {"NOTIFY_SOCKET=" + (is_worker_ ? parts_.notify_path : "/another")};
    plan.descriptors = {input_.get(), null_.get(), null_.get(), worker_end_.get()};
    return plan;
  }
  // It runs until let_end(), unless its script ends before.
  void start_child(const std::string& script) {
    Result<Spawned> spawned = spawn(plan(script));
    ASSERT_TRUE(spawned);
    started(spawned->pid);
    is_child_ = true;
  }
  // Its parent waits for it, or does nothing until it is killed.
  void start_of_another(const std::string& script, bool reaps = true) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    const UniqueFd from_parent(ends[0]);
    const UniqueFd to_us(ends[1]);
    parent_ = fork();
    if (parent_ == 0) {
      end_.reset();
      const Result<Spawned> spawned = spawn(plan(script));
      const pid_t pid = spawned ? spawned->pid : 0;
      if (write(to_us.get(), &pid, sizeof pid) != ssize_t{sizeof pid}) _exit(1);
      if (reaps) waitpid(pid, nullptr, 0);
      for (;;) pause();
    }
    pid_t pid = 0;
    ASSERT_EQ(read(from_parent.get(), &pid, sizeof pid), ssize_t{sizeof pid});
    started(pid);
  }
  // Returns when it leads a session.
  void started(pid_t pid) {
    parts_.pid = pid;
    const Instant deadline = SteadyClock().now() + seconds(10);
    std::optional<ProcessStat> stat = process_stat(pid);
    while (stat && stat->session != pid && SteadyClock().now() < deadline) stat = process_stat(pid);
    ASSERT_TRUE(stat);
    parts_.started = stat->started;
    pidfd_ = open_pidfd(pid);
    input_.reset();
  }
  // A script behind `read _` goes on then.
  void let_end() { end_.reset(); }
  [[nodiscard]] bool waits_for(short events) const {
    pollfd ended{pidfd_.get(), events, 0};
    return poll(&ended, 1, 10'000) == 1;
  }
  [[nodiscard]] bool is_dead() const { return waits_for(POLLIN); }

  void adopt(std::unique_ptr<WorkerGroup> group = nullptr) {
    worker_.emplace(loop_, the_id, "worker 0", parts_, std::move(descriptors_), record_, orphans_, std::move(group));
  }
  // As a next master does.
  void adopt_again() {
    const auto keep = [](int fd) { return UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 3)); };
    const WorkerProcess::Descriptors all = worker_->descriptors();
    descriptors_ = {keep(all.control), keep(all.notify), keep(all.stats)};
    parts_ = worker_->parts();
    const std::string kept = folder_ + "/kept";
    ASSERT_EQ(link(parts_.notify_path.c_str(), kept.c_str()), 0);
    worker_.reset();
    ASSERT_EQ(rename(kept.c_str(), parts_.notify_path.c_str()), 0);
    adopt();
  }

  bool run_until(const std::function<bool()>& condition, unsigned most_turns = 100) {
    const Instant deadline = SteadyClock().now() + seconds(10);
    for (unsigned turns = 0; !condition(); ++turns) {
      if (SteadyClock().now() > deadline || turns > most_turns) return false;
      loop_.run_once(milliseconds(200));
    }
    return true;
  }
  bool run_until(const std::string& order) {
    return run_until([&] { return record_.order == order; });
  }

  void notify(std::string_view text) const {
    const UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, parts_.notify_path.c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(
        sendto(fd.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
        static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] bool say(const control::Message& message) const {
    return send_packet(worker_end_.get(), {control::encode(message).view()}) == PacketSent::sent;
  }

  Subreaper subreaper_;
  std::string folder_ = "/tmp/preforkd-test.XXXXXX";
  UniqueFd null_;
  UniqueFd input_;
  UniqueFd end_;
  UniqueFd worker_end_;
  StatsMapping stats_;
  WorkerParts parts_;
  WorkerDescriptors descriptors_;
  bool is_worker_ = true;
  bool is_child_ = false;
  pid_t parent_ = 0;
  UniqueFd pidfd_;
  EventLoop loop_;
  Orphans orphans_{loop_, false};
  Record record_;
  RealGroup service_;
  std::vector<GroupFolder> unremoved_;
  std::optional<WorkerProcess> worker_;
};

// This process does not get the orphans, as after kill -9 of a master in a service.
class WorkerOfAnotherTest : public AdoptedWorkerTest {
 protected:
  WorkerOfAnotherTest() : AdoptedWorkerTest(false) {}
};

constexpr const char* ends_with_3 = "read _; exit 3";
const std::string leaves_a_tail =
    "tail -f /dev/null </dev/null & until [ \"$(cat /proc/$!/comm)\" = tail ]; do :; done; read _; exit 3";

TEST_F(AdoptedWorkerTest, a_childs_exit_is_reported_with_its_status_and_usage) {
  start_child(ends_with_3);
  adopt();
  let_end();
  ASSERT_TRUE(run_until("g"));
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::exited);
  EXPECT_EQ(record_.gone->value, 3);
  EXPECT_GT(worker_->used().max_memory, 0U);
  EXPECT_EQ(worker_->remains(), nullptr);
  EXPECT_EQ(waitpid(parts_.pid, nullptr, 0), -1) << "it was not reaped";
}

TEST_F(AdoptedWorkerTest, a_child_is_signalled) {
  start_child(ends_with_3);
  adopt();
  worker_->signal(SIGTERM);
  ASSERT_TRUE(run_until("g"));
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::signaled);
  EXPECT_EQ(record_.gone->value, SIGTERM);
}

TEST_F(AdoptedWorkerTest, a_child_that_died_meanwhile_has_a_status) {
  start_child("exit 3");
  ASSERT_TRUE(is_dead());
  adopt();
  EXPECT_EQ(record_.order, "") << "outside of the event loop";
  ASSERT_TRUE(run_until("g"));
  EXPECT_EQ(record_.gone->value, 3);
}

// SIGCHLD is handled by Orphans, which must not take the status.
TEST_F(AdoptedWorkerTest, a_dead_child_is_not_taken_for_an_orphan) {
  start_child(ends_with_3);
  adopt();
  let_end();
  ASSERT_TRUE(is_dead());
  orphans_.reap();
  ASSERT_TRUE(run_until("g"));
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::exited);
}

TEST_F(AdoptedWorkerTest, counts_as_executed_if_no_earlier_master_has_heard_of_it) {
  start_child(ends_with_3);
  parts_.reported = false;
  adopt();
  EXPECT_EQ(record_.order, "");
  EXPECT_FALSE(worker_->parts().reported);
  ASSERT_TRUE(run_until("e"));
  EXPECT_TRUE(worker_->parts().reported);
  while (loop_.run_once(milliseconds(1))) continue;
  EXPECT_EQ(record_.order, "e");
}

TEST_F(AdoptedWorkerTest, knows_again_what_was_known) {
  start_child(ends_with_3);
  parts_.greeted = true;
  parts_.was_sent_sigkill = true;
  parts_.told_at = 5;
  parts_.status_text = "up";
  parts_.reported_error = EACCES;
  adopt();
  EXPECT_EQ(worker_->parts(), parts_);
  EXPECT_EQ(worker_->facts().status_text, "up");
  EXPECT_TRUE(worker_->say(control::NoTaker{}));
  adopt_again();
  EXPECT_EQ(worker_->parts(), parts_);
  EXPECT_TRUE(worker_->was_sent_sigkill());
}

TEST_F(AdoptedWorkerTest, may_have_closed_its_control_channel) {
  start_child(ends_with_3);
  parts_.greeted = true;
  descriptors_.control.reset();
  adopt();
  EXPECT_FALSE(worker_->say(control::NoTaker{}));
  EXPECT_EQ(worker_->descriptors().control, -1);
  let_end();
  ASSERT_TRUE(run_until("g"));
}

TEST_F(AdoptedWorkerTest, its_counters_are_read) {
  start_child(ends_with_3);
  stats_->layout = StatsPage::layout_version;
  stats_->connections = 12;
  adopt();
  EXPECT_EQ(worker_->counters().connections, 12U);
  EXPECT_EQ(worker_->open_connections(), 12U);
  EXPECT_EQ(worker_->usage().processes, 1U);
}

TEST_F(AdoptedWorkerTest, what_is_left_in_a_childs_session_is_found) {
  start_child(leaves_a_tail);
  adopt();
  stats_->layout = StatsPage::layout_version;
  let_end();
  ASSERT_TRUE(run_until("g"));
  ASSERT_NE(worker_->remains(), nullptr);
  EXPECT_NE(worker_->remains()->text().find("(tail)"), std::string::npos);
  EXPECT_FALSE(worker_->counters().counts) << "they were reported with its end";
  worker_->signal(SIGTERM);
  ASSERT_TRUE(run_until("gr"));
}

TEST_F(AdoptedWorkerTest, its_remains_are_adopted_again) {
  start_child(leaves_a_tail);
  adopt();
  stats_->layout = StatsPage::layout_version;
  let_end();
  ASSERT_TRUE(run_until("g"));
  adopt_again();
  EXPECT_TRUE(parts_.ended);
  ASSERT_NE(worker_->remains(), nullptr);
  EXPECT_FALSE(worker_->counters().counts);
  worker_->signal(SIGTERM);
  ASSERT_TRUE(run_until("gr")) << "its end must not be reported twice";
}

TEST_F(AdoptedWorkerTest, remains_that_have_ended_meanwhile_are_gone) {
  start_child("exit 0");
  ASSERT_EQ(waitpid(parts_.pid, nullptr, 0), parts_.pid);
  parts_.ended = true;
  adopt();
  EXPECT_EQ(worker_->remains(), nullptr);
  ASSERT_TRUE(run_until("r"));
  is_child_ = false;
}

TEST_F(AdoptedWorkerTest, another_process_with_its_number_is_left_alone) {
  is_worker_ = false;
  start_child(ends_with_3);
  ++parts_.started;
  adopt();
  worker_->signal(SIGKILL);
  worker_->signal_all(SIGKILL);
  ASSERT_TRUE(run_until("g"));
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::unknown);
  EXPECT_EQ(worker_->remains(), nullptr) << "they are another one's";
  worker_->signal(SIGKILL);
  pollfd ended{pidfd_.get(), POLLIN, 0};
  EXPECT_EQ(poll(&ended, 1, 50), 0);
}

TEST_F(AdoptedWorkerTest, without_a_start_time_nothing_proves_that_it_is_the_worker) {
  start_child(ends_with_3);
  parts_.started = 0;
  adopt();
  ASSERT_TRUE(run_until("g"));
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::unknown);
}

TEST_F(WorkerOfAnotherTest, its_exit_is_reported_with_its_status_once_it_is_reaped) {
  start_of_another(ends_with_3);
  adopt();
  let_end();
  ASSERT_TRUE(run_until("g"));
  if (!kernel_is(6, 15)) GTEST_SKIP() << "that needs Linux 6.15 or later";
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::exited);
  EXPECT_EQ(record_.gone->value, 3);
}

TEST_F(WorkerOfAnotherTest, it_is_signalled_with_its_process_group) {
  const std::string file = folder_ + "/ready";
  start_of_another("tail -f /dev/null & >" + file + "; read _; exit 3");
  const Instant deadline = SteadyClock().now() + seconds(10);
  while (!std::filesystem::exists(file) && SteadyClock().now() < deadline) continue;
  adopt();
  worker_->signal(SIGKILL);
  ASSERT_TRUE(run_until([this] { return record_.gone && (record_.order == "gr" || !worker_->remains()); }));
  if (!kernel_is(6, 15)) GTEST_SKIP() << "that needs Linux 6.15 or later";
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::signaled);
  EXPECT_EQ(record_.gone->value, SIGKILL);
}

TEST_F(WorkerOfAnotherTest, a_parent_that_does_not_reap_it_keeps_no_slot_empty) {
  start_of_another(leaves_a_tail, false);
  adopt();
  let_end();
  ASSERT_TRUE(is_dead());
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }, 20)) << "the loop waits or spins";
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::unknown);
  ASSERT_NE(worker_->remains(), nullptr) << "not found beside a dead first process";
  worker_->signal(SIGTERM);
  ASSERT_TRUE(run_until("gr"));
}

TEST_F(WorkerOfAnotherTest, what_is_left_in_its_session_is_found) {
  start_of_another(leaves_a_tail);
  adopt();
  let_end();
  ASSERT_TRUE(run_until("g"));
  ASSERT_NE(worker_->remains(), nullptr);
  worker_->signal(SIGTERM);
  ASSERT_TRUE(run_until("gr"));
}

// They are nobody's children that this master could list.
TEST_F(WorkerOfAnotherTest, its_remains_are_adopted_again) {
  start_of_another(leaves_a_tail);
  adopt();
  let_end();
  ASSERT_TRUE(run_until("g"));
  adopt_again();
  ASSERT_NE(worker_->remains(), nullptr);
  worker_->signal(SIGTERM);
  ASSERT_TRUE(run_until("gr"));
}

TEST_F(WorkerOfAnotherTest, that_died_before_is_reported_after_all_that_it_said) {
  start_of_another(ends_with_3);
  notify("STATUS=last");
  ASSERT_TRUE(say(control::Hello{}) && say(control::Gave{}));
  let_end();
  ASSERT_TRUE(is_dead());
  const Instant deadline = SteadyClock().now() + seconds(10);
  while (open_pidfd(parts_.pid) && SteadyClock().now() < deadline) continue;
  adopt();
  EXPECT_EQ(record_.order, "");
  ASSERT_TRUE(run_until("nssg"));
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::unknown);
  EXPECT_EQ(worker_->facts().status_text, "last");
}

TEST_F(WorkerOfAnotherTest, that_dies_while_it_is_adopted_is_reported_after_all_that_it_said) {
  start_of_another(ends_with_3);
  notify("STATUS=last");
  ASSERT_TRUE(say(control::Hello{}));
  adopt();
  send_signal(pidfd_.get(), SIGKILL);
  ASSERT_TRUE(is_dead());
  ASSERT_TRUE(run_until("nsg"));
}

TEST_F(WorkerOfAnotherTest, what_waited_is_read) {
  start_of_another(ends_with_3);
  parts_.greeted = true;
  notify("READY=1");
  ASSERT_TRUE(say(control::Seeks{1}));
  adopt();
  ASSERT_TRUE(run_until([this] { return record_.order.size() == 2; }));
  EXPECT_TRUE(worker_->is_reachable());
  notify("STATUS=more");
  ASSERT_TRUE(run_until([this] { return worker_->facts().status_text == "more"; }));
}

TEST_F(WorkerOfAnotherTest, its_notify_path_is_bound_again_if_it_is_gone) {
  start_of_another(ends_with_3);
  std::filesystem::remove(parts_.notify_path);
  adopt();
  EXPECT_FALSE(worker_->is_reachable());
  worker_->renew_notify_path();
  notify("READY=1");
  ASSERT_TRUE(run_until("n"));
}

TEST_F(WorkerOfAnotherTest, what_is_left_in_its_control_group_is_found_and_killed) {
  if (!service_) GTEST_SKIP() << service_.reason();
  const GroupFolder group = *GroupFolder::make(service_.path("w.7"));
  start_of_another("echo $$ >" + service_.path("w.7/cgroup.procs") +
                   "; (setsid sh -c 'trap \"\" TERM; tail -f /dev/null </dev/null >/dev/null & echo') | { read _; }; "
                   "read _; exit 3");
  const Instant deadline = SteadyClock().now() + seconds(10);
  const auto names = [&group] {
    std::string all;
    for (const ProcessName& each : processes_of(group)) all += each.name + ' ';
    return all;
  };
  while (names() != "sh tail " && SteadyClock().now() < deadline) continue;
  ASSERT_EQ(names(), "sh tail ");
  adopt(std::make_unique<WorkerGroup>(group, unremoved_));
  EXPECT_EQ(worker_->parts().group, "w.7");
  EXPECT_EQ(worker_->usage().processes, 2U);
  let_end();
  ASSERT_TRUE(run_until("g"));
  ASSERT_NE(worker_->remains(), nullptr);
  EXPECT_NE(worker_->remains()->text().find("(tail)"), std::string::npos);
  EXPECT_GT(worker_->used().cpu, Duration{0});
  worker_->signal(SIGKILL);
  ASSERT_TRUE(run_until("gr"));
  worker_.reset();
  EXPECT_FALSE(std::filesystem::exists(group.path()));
}

}  // namespace
}  // namespace preforkd
