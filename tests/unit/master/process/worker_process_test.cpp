// SPDX-License-Identifier: MIT
#include "master/process/worker_process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/pidfd.hpp"
#include "wire/packet.hpp"

#include "unit/real_group.hpp"

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr WorkerId the_id{7};

// Records the events in order: 'e'xecuted, 'n'otified, 's'aid, 'g'one, no 'r'emains.
class Record final : public WorkerObserver {
 public:
  void on_worker_executed(WorkerId) override {
    order += 'e';
    if (on_executed) on_executed();
  }
  void on_worker_file_changed(WorkerId, std::size_t) override { order += 'c'; }
  void on_worker_notified(WorkerId, const NotifyMessage& message) override {
    order += 'n';
    messages.push_back(message);
  }
  void on_worker_said(WorkerId, const ControlLink::Message&) override { order += 's'; }
  void on_worker_gone(WorkerId id, const ExitStatus& status) override {
    EXPECT_EQ(id, the_id);
    order += 'g';
    gone = status;
  }
  void on_remains_gone(WorkerId) override { order += 'r'; }

  std::string order;
  std::vector<NotifyMessage> messages;
  std::optional<ExitStatus> gone;
  std::function<void()> on_executed;
};

class WorkerProcessTest : public testing::Test {
 protected:
  WorkerProcessTest() : null_(open("/dev/null", O_RDWR | O_CLOEXEC)) {
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
    worker_.emplace(loop_, the_id, "worker 0", folder_ + "/notify.7", record_, orphans_);
  }
  ~WorkerProcessTest() override {
    if (worker_ && worker_->pid() != 0 && !record_.gone) {
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

  // Runs the loop until `condition` holds; false if the deadline passes first.
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

  // A second descriptor of the worker's end of the control channel, before it starts.
  [[nodiscard]] UniqueFd control_end() const { return UniqueFd(fcntl(worker_->control_end(), F_DUPFD_CLOEXEC, 3)); }
  static bool say(const UniqueFd& control_end, const control::Message& message) {
    return send_packet(control_end.get(), {control::encode(message).view()}) == PacketSent::sent;
  }

  std::string folder_ = "/tmp/preforkd-test.XXXXXX";
  UniqueFd null_;
  EventLoop loop_;
  Orphans orphans_{loop_, true};
  Record record_;
  RealGroup service_;
  std::vector<GroupFolder> unremoved_;
  std::optional<WorkerProcess> worker_;
};

TEST_F(WorkerProcessTest, reports_the_exec_and_the_exit_status) {
  start({"/bin/sh", "-c", "exit 3"});
  EXPECT_GT(worker_->pid(), 0);
  EXPECT_EQ(worker_->control_end(), -1);  // the worker has these now
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(record_.order, "eg");
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::exited);
  EXPECT_EQ(record_.gone->value, 3);
}

TEST_F(WorkerProcessTest, reports_the_signal_that_ended_it) {
  start({"/bin/sleep", "1000"});
  ASSERT_TRUE(run_until([this] { return record_.order == "e"; }));
  worker_->signal(SIGTERM);
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::signaled);
  EXPECT_EQ(record_.gone->value, SIGTERM);
  worker_->signal(SIGKILL);  // it has ended already: no effect
}

TEST_F(WorkerProcessTest, reports_a_program_that_cannot_be_executed) {
  start({"/nonexistent/program"});
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(record_.order, "g");
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::exec_failed);
  EXPECT_EQ(record_.gone->step, "execve");
  EXPECT_EQ(record_.gone->value, ENOENT);
}

// A process that traces another one and reaps nothing until it is asked to end.
class Tracer {
 public:
  explicit Tracer(pid_t tracee) {
    EXPECT_EQ(pipe2(to_us_.data(), O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(to_it_.data(), O_CLOEXEC), 0);
    pid_ = fork();
    if (pid_ == 0) {
      close(to_it_[1]);
      const char done = ptrace(PTRACE_SEIZE, tracee, nullptr, nullptr) == 0 ? 'y' : 'n';
      char nothing = 0;
      if (write(to_us_[1], &done, 1) == 1 && read(to_it_[0], &nothing, 1) == 0) _exit(0);
      _exit(1);
    }
    char answer = 0;
    EXPECT_EQ(read(to_us_[0], &answer, 1), 1);
    traces_ = answer == 'y';
  }
  ~Tracer() {
    end();
    for (const int fd : {to_us_[0], to_us_[1], to_it_[0]}) close(fd);
  }
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  [[nodiscard]] bool traces() const noexcept { return traces_; }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  void end() {
    if (pid_ == 0) return;
    close(to_it_[1]);
    EXPECT_EQ(waitpid(std::exchange(pid_, 0), nullptr, 0) > 0, true);
  }

 private:
  std::array<int, 2> to_us_{};
  std::array<int, 2> to_it_{};
  pid_t pid_ = 0;
  bool traces_ = false;
};

TEST_F(WorkerProcessTest, knows_the_status_of_a_traced_worker_once_its_tracer_lets_go) {
  start({"/bin/sleep", "1000"});
  ASSERT_TRUE(run_until([this] { return record_.order == "e"; }));
  Tracer tracer(worker_->pid());
  if (!tracer.traces()) GTEST_SKIP() << "this machine lets only root trace other processes";
  testing::internal::CaptureStderr();
  worker_->signal(SIGKILL);
  unsigned turns = 0;
  const bool leaves = run_until([this, &turns] { return ++turns > 100 || record_.order == "en"; });
  const std::string log = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(leaves);
  ASSERT_LT(turns, 100U) << "the loop spins";
  EXPECT_TRUE(record_.messages.front().stopping) << "the slot stays empty";
  EXPECT_NE(log.find("when its tracer, pid " + std::to_string(tracer.pid()) + ", releases it"), std::string::npos)
      << log;
  tracer.end();
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(record_.order, "eng");
  EXPECT_EQ(record_.gone->kind, ExitStatus::Kind::signaled);
  EXPECT_EQ(record_.gone->value, SIGKILL);
}

TEST_F(WorkerProcessTest, waits_for_a_tracer_that_lets_go_soon) {
  start({"/bin/sleep", "1000"});
  ASSERT_TRUE(run_until([this] { return record_.order == "e"; }));
  Tracer tracer(worker_->pid());
  if (!tracer.traces()) GTEST_SKIP() << "this machine lets only root trace other processes";
  worker_->signal(SIGKILL);
  // One turn for its death, one for the first time that it can't be reaped.
  for (int turn = 0; turn < 2; ++turn) loop_.run_once(seconds(10));
  EXPECT_EQ(record_.order, "e");
  tracer.end();
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(record_.order, "eg");
  EXPECT_EQ(record_.gone->value, SIGKILL);
}

// The exit has the higher priority, but the READY=1 before it must not be lost.
TEST_F(WorkerProcessTest, hears_what_a_worker_said_before_its_exit) {
  start({"/bin/true"});
  say("READY=1\nSTATUS=up");
  say("ERRNO=13\nSTATUS=no permission");
  const Instant deadline = SteadyClock().now() + seconds(10);
  while (kill(worker_->pid(), 0) == 0 && SteadyClock().now() < deadline && record_.order.empty()) {
    // A zombie still accepts signals: run the loop only when all events are pending.
    std::string stat(512, '\0');
    const UniqueFd fd(open(("/proc/" + std::to_string(worker_->pid()) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
    if (read(fd.get(), stat.data(), stat.size()) > 0 && stat.find(") Z ") != std::string::npos) break;
  }
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(record_.order, "nneg");
  EXPECT_TRUE(record_.messages.front().ready);
  EXPECT_EQ(worker_->facts().status_text, "no permission");
  EXPECT_EQ(worker_->facts().reported_error, EACCES);
}

// They come from two sockets, and one turn takes all that waits in the first.
TEST_F(WorkerProcessTest, hears_hello_before_ready) {
  const UniqueFd control = control_end();
  start({"/bin/sleep", "1000"});
  ASSERT_TRUE(run_until([this] { return record_.order == "e"; }));
  say("STATUS=x");
  ASSERT_TRUE(say(control, control::Hello{}));
  say("READY=1");
  ASSERT_TRUE(run_until([this] { return record_.order.size() >= 4; }));
  EXPECT_EQ(record_.order, "ensn");
}

TEST_F(WorkerProcessTest, hears_what_a_worker_said_on_its_control_channel_before_its_exit) {
  const UniqueFd control = control_end();
  start({"/bin/true"});
  ASSERT_TRUE(say(control, control::Hello{}) && say(control, control::Gave{}));
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(worker_->pid()), &info, WEXITED | WNOWAIT), 0);
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(record_.order, "sseg");
}

TEST_F(WorkerProcessTest, knows_what_a_worker_has_used_that_has_ended) {
  start({"/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; exit 3"});
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(record_.gone->value, 3);
  EXPECT_GT(worker_->used().cpu, Duration{0});
  EXPECT_EQ(worker_->work_done(SteadyClock().now()).busy, worker_->used().cpu);
  EXPECT_GT(worker_->used().max_memory, 100'000U);
}

TEST_F(WorkerProcessTest, a_program_that_could_not_be_executed_has_used_nothing) {
  start({"/does/not/exist"});
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(worker_->used(), LifetimeUsage{});
}

// As a keeper does that is faster than the search for it: it speaks when what the worker said has been heard already.
TEST_F(WorkerProcessTest, hears_what_is_left_of_a_worker_even_if_it_ends_before_it_is_found) {
  const UniqueFd control = control_end();
  start({"/bin/true"});
  ASSERT_TRUE(say(control, control::Hello{}));
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(worker_->pid()), &info, WEXITED | WNOWAIT), 0);
  record_.on_executed = [&] { EXPECT_TRUE(say(control, control::Gave{.moved = 5, .by_keeper = 1})); };
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(worker_->remains(), nullptr);
  EXPECT_EQ(record_.order, "sesg");
}

TEST_F(WorkerProcessTest, hears_and_answers_what_is_left_of_a_worker) {
  const UniqueFd control = control_end();
  start({"/bin/sh", "-c", "tail -f /dev/null & until [ $(cat /proc/$!/comm) = tail ]; do :; done; exit 3"});
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  ASSERT_NE(worker_->remains(), nullptr);
  ASSERT_TRUE(say(control, control::Hello{}) && say(control, control::Seeks{1}));
  ASSERT_TRUE(run_until([this] { return record_.order == "egss"; }));
  EXPECT_TRUE(worker_->say(control::NoTaker{}));
  worker_->signal(SIGTERM);
  ASSERT_TRUE(run_until([this] { return record_.order == "egssr"; }));
}

// A worker with a control group of its own.
class GroupedWorkerTest : public WorkerProcessTest {
 protected:
  void SetUp() override {
    if (!service_) GTEST_SKIP() << service_.reason();
    group_ = *GroupFolder::make(service_.path("w.7"));
    worker_.emplace(loop_, the_id, "worker 0", folder_ + "/notify.7", record_, orphans_,
                    std::make_unique<WorkerGroup>(group_, unremoved_));
  }
  // Starts a script, which has ended when this returns.
  void run(const std::string& script) {
    start({"/bin/sh", "-c", script});
    ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  }

  // A script that runs `command` in a session of its own, and ends when that has.
  static std::string daemon(const std::string& command) { return "setsid sh -c '" + command + " echo' | read -r _"; }

  GroupFolder group_{""};
};

TEST_F(GroupedWorkerTest, removes_the_group_if_nothing_is_left) {
  run("exit 0");
  EXPECT_EQ(worker_->remains(), nullptr);
  worker_.reset();
  EXPECT_FALSE(std::filesystem::exists(group_.path()));
  EXPECT_TRUE(unremoved_.empty());
}

TEST_F(GroupedWorkerTest, has_used_what_its_daemons_have_used) {
  run("(setsid sh -c \"i=0; while [ \\$i -lt 300000 ]; do i=\\$((i + 1)); done; echo\" &) | read -r _");
  const auto all = group_.number("cpu.stat", "usage_usec");
  ASSERT_TRUE(all);
  EXPECT_GT(worker_->used().cpu, milliseconds(30));
  EXPECT_LE(worker_->used().cpu, std::chrono::microseconds(*all));
}

TEST_F(GroupedWorkerTest, finds_and_tells_a_process_that_has_become_a_daemon) {
  run(daemon("tail -f /dev/null >/dev/null & until [ $(cat /proc/$!/comm) = tail ]; do :; done;"));
  ASSERT_NE(worker_->remains(), nullptr);
  EXPECT_NE(worker_->remains()->text().find("(tail)"), std::string::npos) << worker_->remains()->text();
  worker_->signal(SIGTERM);
  ASSERT_TRUE(run_until([this] { return record_.order == "egr"; }));
  EXPECT_FALSE(group_.populated());
}

// As a keeper does, which needs its time.
TEST_F(GroupedWorkerTest, leaves_alone_what_ignores_the_signal_until_it_is_killed) {
  run(daemon("trap \"\" TERM; tail -f /dev/null >/dev/null &"));
  ASSERT_NE(worker_->remains(), nullptr);
  worker_->signal(SIGTERM);
  EXPECT_FALSE(run_until([this] { return record_.order == "egr"; }, milliseconds(200)));
  EXPECT_TRUE(group_.populated());
  worker_->signal(SIGKILL);
  ASSERT_TRUE(run_until([this] { return record_.order == "egr"; }));
}

TEST_F(GroupedWorkerTest, kills_what_forks_faster_than_it_can_be_listed) {
  run(daemon("(while :; do (:) & done) >/dev/null &"));
  ASSERT_NE(worker_->remains(), nullptr);
  worker_->signal(SIGKILL);
  ASSERT_TRUE(run_until([this] { return record_.order == "egr"; }));
  EXPECT_FALSE(group_.populated());
}

TEST_F(WorkerProcessTest, keeps_a_flood_from_starving_others) {
  start({"/bin/sleep", "1000"});
  ASSERT_TRUE(run_until([this] { return record_.order == "e"; }));
  const UniqueFd flood = sender();
  int ticks = 0;
  EventSource timer = loop_.add_timer(Priority::normal, milliseconds(1), [&] { ++ticks; });
  timer.arm(SteadyClock().now());
  // The queue is refilled before every turn: without a limit no other source would ever be dispatched.
  for (int turn = 0; turn < 1000 && ticks == 0; ++turn) {
    while (send(flood.get(), "STATUS=x", 8, 0) == 8) continue;
    loop_.run_once(milliseconds(10));
  }
  EXPECT_EQ(ticks, 1);
  EXPECT_LT(record_.messages.size(), 1000U);
}

TEST_F(WorkerProcessTest, logs_messages_that_it_cannot_use_once_in_a_while) {
  const UniqueFd control = control_end();
  start({"/bin/sleep", "1000"});
  testing::internal::CaptureStderr();
  for (int i = 0; i < 5; ++i) say("garbage");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(say(control, control::Take{}));
  say("READY=1");
  const bool heard = run_until([this] { return !record_.messages.empty(); });
  const std::string log = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(heard);
  // Both channels have one: either comes first.
  EXPECT_NE(log.find("worker 0 (pid " + std::to_string(worker_->pid()) + "): ignored an invalid "), std::string::npos);
  EXPECT_EQ(log.find("ignored", log.find("ignored") + 1), std::string::npos);
}

TEST_F(WorkerProcessTest, shares_no_stats_before_the_worker_counts) {
  EXPECT_FALSE(worker_->counters().counts);
  const Result<StatsMapping> page = StatsMapping::map(worker_->stats_memfd(), true);
  ASSERT_TRUE(page);
  (*page)->connections = 12;
  (*page)->layout = StatsPage::layout_version;
  ASSERT_TRUE(worker_->counters().counts);
  EXPECT_EQ(worker_->counters().connections, 12U);
  (*page)->connections = std::uint64_t{0} - 1;  // one closed more than was opened
  EXPECT_FALSE(worker_->counters().counts);
}

TEST_F(WorkerProcessTest, its_usage_has_what_it_says_about_its_work) {
  const Result<StatsMapping> page = StatsMapping::map(worker_->stats_memfd(), true);
  ASSERT_TRUE(page);
  (*page)->layout = StatsPage::layout_version;
  (*page)->full = 1;
  (*page)->connections = 3;
  (*page)->max_connections = 4;
  start({"/bin/sleep", "1000"});
  ASSERT_TRUE(run_until([this] { return record_.order == "e"; }));
  const WorkerUsage usage = worker_->usage();
  EXPECT_TRUE(usage.full);
  EXPECT_GE(usage.busy, usage.cpu) << "it does not count that";
  EXPECT_EQ(usage.processes, 1U);
  const WorkerUsage done = worker_->work_done(SteadyClock().now());
  EXPECT_TRUE(done.full);
  EXPECT_EQ(done.connections, 3U);
  EXPECT_EQ(done.max_connections, 4U);
  EXPECT_GE(done.busy, usage.busy);
}

TEST_F(WorkerProcessTest, reads_refused_and_moved_connections_and_accept_failures_unless_they_are_absurd) {
  const Result<StatsMapping> page = StatsMapping::map(worker_->stats_memfd(), true);
  ASSERT_TRUE(page);
  (*page)->layout = StatsPage::layout_version;
  (*page)->connections_refused = 3;
  (*page)->accept_failures = 2;
  (*page)->connections_adopted = 4;
  (*page)->closes_by_reason[handed_over_reason] = 5;
  Counters sum = worker_->counters();
  sum += worker_->counters();
  EXPECT_EQ(sum.connections_refused, 6U);
  EXPECT_EQ(sum.accept_failures, 4U);
  EXPECT_EQ(sum.connections_adopted, 8U);
  EXPECT_EQ(sum.connections_handed_over, 10U);
  for (std::atomic<std::uint64_t>* counter :
       {&(*page)->worker_messages, &(*page)->worker_messages_dropped, &(*page)->connections_refused,
        &(*page)->accept_failures, &(*page)->connections_adopted, &(*page)->closes_by_reason[handed_over_reason]}) {
    const std::uint64_t before = counter->exchange(std::uint64_t{1} << 48);
    EXPECT_FALSE(worker_->counters().counts);
    *counter = before;
    EXPECT_TRUE(worker_->counters().counts);
  }
}

TEST_F(WorkerProcessTest, reads_named_counters_of_a_worker_that_counts) {
  const Result<StatsMapping> page = StatsMapping::map(worker_->stats_memfd(), true);
  ASSERT_TRUE(page);
  (*page)->application.front().set_name("jobs");
  (*page)->application.front().value = 3;
  EXPECT_EQ(worker_->named_counts(), NamedCounts{});
  (*page)->layout = StatsPage::layout_version;
  EXPECT_EQ(worker_->named_counts().application, (NamedCounts::ByName{{"jobs", 3}}));
}

TEST_F(WorkerProcessTest, knows_what_a_worker_leaves_behind_and_signals_that) {
  start({"/bin/sh", "-c",
         "tail -f /dev/null & first=$!; tail -f /dev/null &"
         "for pid in $first $!; do until [ $(cat /proc/$pid/comm) = tail ]; do :; done; done; exit 3"});
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(record_.order, "eg");
  ASSERT_NE(worker_->remains(), nullptr);
  EXPECT_NE(worker_->remains()->text().find("(tail), pid "), std::string::npos) << worker_->remains()->text();
  EXPECT_FALSE(worker_->counters().counts);
  worker_->signal(SIGTERM);
  ASSERT_TRUE(run_until([this] { return record_.order == "egr"; }));
}

// The only worker without a control group: since the others have one, this process gets no orphans.
class UngroupedWorkerTest : public WorkerProcessTest {
 protected:
  void SetUp() override {
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    none_.emplace(loop_, false);
    ASSERT_TRUE(none_->gets_none());
    worker_.emplace(loop_, the_id, "worker 0", folder_ + "/notify.7", record_, *none_);
  }
  void TearDown() override {
    worker_->signal(SIGKILL);
    worker_.reset();
  }

  std::optional<Orphans> none_;
};

TEST_F(UngroupedWorkerTest, leaves_nothing_behind_unseen_in_its_session) {
  start({"/bin/sh", "-c", "tail -f /dev/null & until [ $(cat /proc/$!/comm) = tail ]; do :; done"});
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_EQ(record_.order, "eg");
  ASSERT_NE(worker_->remains(), nullptr);
  worker_->signal(SIGTERM);
  ASSERT_TRUE(run_until([this] { return record_.order == "egr"; }));
}

// Like a worker that is forked at this moment: epoll reports a descriptor as long as any process has it open.
TEST_F(WorkerProcessTest, watches_what_is_left_even_if_a_fork_holds_its_descriptors) {
  start({"/bin/sh", "-c", "for i in 1 2 3; do tail -f /dev/null & done; exit 3"});
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  ASSERT_NE(worker_->remains(), nullptr);
  const pid_t holder = fork();
  if (holder == 0) {
    for (;;) pause();
  }
  worker_->signal(SIGTERM);
  EXPECT_TRUE(run_until([this] { return record_.order == "egr"; }));
  loop_.run_once(milliseconds(1));
  kill(holder, SIGKILL);
  EXPECT_EQ(waitpid(holder, nullptr, 0), holder);
}

TEST_F(WorkerProcessTest, leaves_nothing_behind_that_is_dead) {
  start({"/bin/sh", "-c", "true & true & wait; true & exit 3"});
  ASSERT_TRUE(run_until([this] { return record_.gone.has_value(); }));
  EXPECT_TRUE(run_until([this] { return worker_->remains() == nullptr || record_.order == "egr"; }));
}

// Only SIGKILL goes to them: after a stop signal the program ends its children itself.
TEST_F(WorkerProcessTest, sigkill_reaches_all_its_processes) {
  const std::string file = folder_ + "/child";
  start({"/bin/sh", "-c",
         "tail -f /dev/null & echo $! >" + file + ".new; mv " + file + ".new " + file + "; exec tail -f /dev/null"});
  pid_t child = 0;
  ASSERT_TRUE(run_until([&] { return static_cast<bool>(std::ifstream(file) >> child); }));
  const UniqueFd pidfd = open_pidfd(child);
  worker_->signal(SIGKILL);
  pollfd gone{pidfd.get(), POLLIN, 0};
  EXPECT_EQ(poll(&gone, 1, 10000), 1);
  ASSERT_TRUE(
      run_until([this] { return record_.gone.has_value() && (!worker_->remains() || record_.order == "egr"); }));
  std::filesystem::remove(file);
}

bool has_ended(int worker_end) {
  pollfd entry{worker_end, POLLRDHUP, 0};
  return poll(&entry, 1, 0) == 1;
}

TEST_F(WorkerProcessTest, ends_the_lifeline_when_it_goes) {
  const UniqueFd worker_end(fcntl(worker_->control_end(), F_DUPFD_CLOEXEC, 3));
  EXPECT_FALSE(has_ended(worker_end.get()));
  worker_.emplace(loop_, the_id, "worker 0", folder_ + "/notify.7", record_, orphans_);
  EXPECT_TRUE(has_ended(worker_end.get()));
}

}  // namespace
}  // namespace preforkd
