// SPDX-License-Identifier: MIT
#include "master/process/process_launcher.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/pidfd.hpp"

#include "unit/real_group.hpp"

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LaunchRecord final : public WorkerObserver {
 public:
  void on_worker_executed(WorkerId id) override { executed.insert(id); }
  void on_worker_file_changed(WorkerId, std::size_t file) override { changed.push_back(file); }
  void on_worker_notified(WorkerId, const NotifyMessage&) override {}
  void on_worker_said(WorkerId, const ControlLink::Message&) override { ++said; }
  void on_worker_gone(WorkerId id, const ExitStatus& status) override {
    gone[id] = status;
    if (on_gone) on_gone(id);
  }
  void on_remains_gone(WorkerId id) override { remains_gone.insert(id); }

  std::set<WorkerId> executed;
  std::vector<std::size_t> changed;
  unsigned said = 0;
  std::map<WorkerId, ExitStatus> gone;
  std::set<WorkerId> remains_gone;
  std::function<void(WorkerId)> on_gone;
};

class ProcessLauncherTest : public testing::Test {
 protected:
  ProcessLauncherTest()
      : config_(listening()),
        sockets_(ListenSockets::open(config_)),
        directory_("test"),
        launcher_(loop_, sockets_, directory_, groups_, orphans_, {}, record_) {
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
  }
  ~ProcessLauncherTest() override {
    for (const WorkerId id : started_) launcher_.signal(id, SIGKILL);
    run_until([this] { return record_.gone.size() == started_.size(); });
    std::filesystem::remove_all(folder_);
  }

  static PoolConfig listening() {
    PoolConfig config;
    config.name = "test";
    config.listen = {{.text = "127.0.0.1:0", .address = *parse_address("127.0.0.1:0"), .name = "web", .options = {}},
                     {.text = "[::1]:0", .address = *parse_address("[::1]:0"), .name = "web6", .options = {}}};
    return config;
  }

  std::shared_ptr<const Generation> generation(const std::vector<std::string>& program) {
    config_.program = program;
    return std::make_shared<const Generation>(Generation{3, std::make_shared<const PoolConfig>(config_)});
  }

  // Worker 9 of an earlier master, whose first process has ended, in the group "w.9".
  Result<void> adopt_ended(ProcessLauncher& launcher, pid_t pid) {
    Result<ControlChannel> channel = ControlChannel::open();
    WorkerParts parts;
    parts.pid = pid;
    parts.notify_path = directory_.new_socket_path();
    parts.group = "w.9";
    parts.ended = true;
    return launcher.adopt({WorkerId{9}, 0, generation({"/bin/true"})}, parts,
                          {std::move(channel->master_end), UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
                           *make_stats_memfd("preforkd-stats")});
  }

  Result<void> start(const std::vector<std::string>& program, unsigned slot = 0) {
    const WorkerId id{next_id_++};
    Result<void> started = launcher_.start({id, slot, generation(program)});
    if (started) started_.push_back(id);
    return started;
  }

  bool run_until(const std::function<bool()>& condition) {
    const Instant deadline = SteadyClock().now() + seconds(10);
    while (!condition()) {
      if (SteadyClock().now() > deadline) return false;
      loop_.run_once(milliseconds(100));
    }
    return true;
  }

  // Starts `script` in a shell whose output goes to a file, and returns the output when the shell has ended.
  std::string output_of(const std::string& script, unsigned slot = 0) {
    const std::string file = folder_ + "/output";
    EXPECT_TRUE(start({"/bin/sh", "-c", "exec >" + file + "; " + script}, slot));
    EXPECT_TRUE(run_until([this] { return record_.gone.size() == started_.size(); }));
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }

  std::string folder_ = "/tmp/preforkd-test.XXXXXX";
  PoolConfig config_;
  EventLoop loop_;
  LaunchRecord record_;
  ListenSockets sockets_;
  RuntimeDirectory directory_;
  WorkerGroups groups_{std::nullopt, false};
  Orphans orphans_{loop_, true};
  ProcessLauncher launcher_;
  std::vector<WorkerId> started_;
  std::uint64_t next_id_ = 1;
};

// It finds the other end closed then, and seeks another one. The control channel is descriptor 5, after two listeners;
// Give has twelve bytes, of which the first is 3.
TEST_F(ProcessLauncherTest, a_giver_is_told_of_a_taker_that_does_not_read) {
  const std::string hello = R"(printf '\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0' >&5; )";
  const std::string file = folder_ + "/heard";
  ASSERT_TRUE(start({"/bin/sh", "-c", hello + "exec >" + file + " 2>/dev/null; while :; do cat <&5; done"}));
  ASSERT_TRUE(start({"/bin/sh", "-c", hello + "exec tail -f /dev/null"}, 1));
  ASSERT_TRUE(run_until([this] { return record_.said == 2; }));
  constexpr unsigned more_than_fit = 1000;
  const auto heard = [&file] {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  };
  for (unsigned given = 50; given <= more_than_fit; given += 50) {
    for (int i = 0; i < 50; ++i) launcher_.introduce(started_[0], started_[1], 0);
    ASSERT_TRUE(run_until([&] { return heard().size() == std::size_t{12} * given; })) << given;
  }
  const std::string said = heard();
  for (std::size_t at = 0; at < said.size(); at += 12) ASSERT_EQ(said[at], '\3');
}

// Meet has 32 bytes.
TEST_F(ProcessLauncherTest, workers_meet_when_they_read_what_they_are_told) {
  const auto file = [this](const char* name) { return folder_ + '/' + name; };
  const auto heard = [&](const char* name) {
    std::ostringstream text;
    text << std::ifstream(file(name)).rdbuf();
    return text.str().size();
  };
  const std::string gate = file("gate");
  ASSERT_EQ(mkfifo(gate.c_str(), 0600), 0);
  const auto reads_into = [&](const char* name) {
    return "exec >" + file(name) + " 2>/dev/null; while :; do cat <&5; done";
  };
  ASSERT_TRUE(start({"/bin/sh", "-c", "read line <" + gate + "; " + reads_into("late")}));
  ASSERT_TRUE(start({"/bin/sh", "-c", reads_into("early")}, 1));
  constexpr std::size_t more_than_fit = 500;
  for (std::size_t count = 0; count < more_than_fit; ++count) {
    launcher_.meet(started_[0], started_[1]);
    const auto has_heard = [&] { return heard("early") == 32 * (count + 1); };
    if (count % 50 == 0 && !run_until(has_heard)) FAIL() << count;
  }
  ASSERT_EQ(heard("late"), 0U);
  std::ofstream(gate) << "go\n";
  EXPECT_TRUE(run_until([&] { return heard("late") == 32 * more_than_fit; })) << heard("late");
  EXPECT_TRUE(run_until([&] { return heard("early") == 32 * more_than_fit; })) << heard("early");
}

// Else the workers that do not read would cost the master all its descriptors.
TEST_F(ProcessLauncherTest, sockets_for_workers_of_which_neither_reads_are_not_kept) {
  const auto descriptors = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  for (const unsigned slot : {0U, 1U}) ASSERT_TRUE(start({"/usr/bin/tail", "-f", "/dev/null"}, slot));
  const auto before = descriptors();
  constexpr int more_than_fit = 450;
  for (int count = 0; count < more_than_fit; ++count) launcher_.meet(started_[0], started_[1]);
  EXPECT_LE(descriptors(), before + 2);
}

TEST_F(ProcessLauncherTest, passes_the_contracts_environment) {
  config_.environment = {{"MINE", "yes"}};
  config_.settings = R"({"a":1})";
  config_.hang_timeout = seconds(2);
  const std::string text = output_of("env; echo pid=$$", 5);
  const auto has = [&text](const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
  };
  const std::string pid = text.substr(text.rfind("pid=") + 4, text.size() - text.rfind("pid=") - 5);
  EXPECT_TRUE(has("MINE=yes")) << text;
  EXPECT_TRUE(has("PREFORK_POOL=test"));
  EXPECT_TRUE(has("PREFORK_WORKER=5"));
  EXPECT_TRUE(has("PREFORK_GENERATION=3"));
  EXPECT_TRUE(has(R"(PREFORK_SETTINGS={"a":1})"));
  EXPECT_TRUE(has("LISTEN_FDS=2"));
  EXPECT_TRUE(has("LISTEN_FDNAMES=web:web6"));
  EXPECT_TRUE(has("LISTEN_PID=" + pid)) << text;
  EXPECT_TRUE(has("WATCHDOG_PID=" + pid));
  EXPECT_TRUE(has("WATCHDOG_USEC=2000000"));
  EXPECT_TRUE(has("PREFORK_DRAIN_USEC=30000000"));
  EXPECT_TRUE(has("PREFORK_CONTROL_FD=5"));
  EXPECT_TRUE(has("PREFORK_STATS_FD=6"));
  EXPECT_TRUE(("\n" + text).find("\nNOTIFY_SOCKET=" + directory_.path() + "/notify.") != std::string::npos);
}

TEST_F(ProcessLauncherTest, passes_exactly_the_contracts_descriptors) {
  const UniqueFd leak(open("/", O_RDONLY));  // NOLINT: without CLOEXEC on purpose
  const std::string text = output_of("for fd in /proc/$$/fd/*; do readlink $fd && echo ${fd##*/}; done");
  std::istringstream lines(text);
  std::map<std::string, std::string> there;
  for (std::string target, fd; std::getline(lines, target) && std::getline(lines, fd);) there[fd] = target.substr(0, 7);
  EXPECT_EQ(there.size(), 7U) << text;
  EXPECT_EQ(there["0"], "/dev/nu");
  EXPECT_EQ(there["3"], "socket:");
  EXPECT_EQ(there["4"], "socket:");
  EXPECT_EQ(there["5"], "socket:");
  EXPECT_EQ(there["6"], "/memfd:");
}

TEST_F(ProcessLauncherTest, reads_environment_files_anew_at_each_start) {
  const std::string file = folder_ + "/env";
  config_.environment_files = {file};
  std::ofstream(file) << "COLOUR=red\n";
  EXPECT_EQ(output_of("echo $COLOUR"), "red\n");
  std::ofstream(file) << "COLOUR=blue\n";
  EXPECT_EQ(output_of("echo $COLOUR"), "blue\n");
}

TEST_F(ProcessLauncherTest, fails_with_a_reason_if_an_environment_file_is_gone) {
  config_.environment_files = {folder_ + "/missing"};
  const Result<void> started = start({"/bin/true"});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().text, folder_ + "/missing: No such file or directory (ENOENT)");
}

TEST_F(ProcessLauncherTest, fails_with_a_reason_if_an_environment_file_is_wrong) {
  const std::string file = folder_ + "/env";
  std::ofstream(file) << "COLOUR='red\n";
  config_.environment_files = {file};
  const Result<void> started = start({"/bin/true"});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().text, file + ": line 1: the quote is never closed");
}

TEST_F(ProcessLauncherTest, fails_with_a_reason_if_no_place_is_left_for_notify_sockets) {
  const std::string parent = folder_ + "/parent";
  const std::string given = parent + "/given";
  std::filesystem::create_directories(given);
  setenv("RUNTIME_DIRECTORY", given.c_str(), 1);
  RuntimeDirectory directory(std::string(80, 'x'));  // too long for another folder
  ProcessLauncher launcher(loop_, sockets_, directory, groups_, orphans_, {}, record_);
  std::filesystem::remove_all(parent);
  const Result<void> started = launcher.start({WorkerId{1}, 0, generation({"/bin/true"})});
  unsetenv("RUNTIME_DIRECTORY");
  ASSERT_FALSE(started);
  EXPECT_TRUE(started.error().text.starts_with("cannot create a folder for notify sockets: ")) << started.error().text;
}

TEST_F(ProcessLauncherTest, fails_with_a_reason_if_it_is_out_of_descriptors) {
  // UBSan uses a pipe to check types, so it must have checked these before.
  EXPECT_TRUE(start({"/bin/true"}));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const Result<void> started = start({"/bin/true"});
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().text.find("Too many open files"), std::string::npos) << started.error().text;
  EXPECT_EQ(launcher_.find(WorkerId{next_id_ - 1}), nullptr);
  EXPECT_TRUE(start({"/bin/true"}));
}

TEST_F(ProcessLauncherTest, knows_a_worker_until_its_end_is_reported) {
  ASSERT_TRUE(start({"/bin/true"}));
  const WorkerId id = started_.front();
  ASSERT_NE(launcher_.find(id), nullptr);
  EXPECT_GT(launcher_.find(id)->pid(), 0);
  EXPECT_NE(launcher_.generation_of(id), nullptr);
  bool known_at_the_end = false;
  record_.on_gone = [&](WorkerId gone) { known_at_the_end = launcher_.find(gone) != nullptr; };
  ASSERT_TRUE(run_until([this] { return !record_.gone.empty(); }));
  EXPECT_TRUE(known_at_the_end);
  EXPECT_EQ(launcher_.find(id), nullptr);
  EXPECT_EQ(launcher_.generation_of(id), nullptr);
  launcher_.signal(id, SIGKILL);
}

TEST_F(ProcessLauncherTest, knows_a_worker_as_long_as_anything_of_it_is_left) {
  ASSERT_TRUE(start({"/bin/sh", "-c", "tail -f /dev/null & exit 0"}));
  const WorkerId id = started_.front();
  ASSERT_TRUE(run_until([this] { return !record_.gone.empty(); }));
  ASSERT_NE(launcher_.find(id), nullptr);
  launcher_.signal(id, SIGTERM);
  ASSERT_TRUE(run_until([this] { return !record_.remains_gone.empty(); }));
  EXPECT_EQ(launcher_.find(id), nullptr);
}

TEST_F(ProcessLauncherTest, forgets_a_worker_even_if_its_observer_throws) {
  ASSERT_TRUE(start({"/bin/true"}));
  record_.on_gone = [](WorkerId) { throw std::runtime_error("thrown by a test"); };
  testing::internal::CaptureStderr();
  const bool gone = run_until([this] { return !record_.gone.empty(); });
  testing::internal::GetCapturedStderr();
  ASSERT_TRUE(gone);
  EXPECT_EQ(launcher_.find(started_.front()), nullptr);
}

TEST_F(ProcessLauncherTest, starts_workers_after_somebody_removed_the_runtime_directory) {
  std::filesystem::remove_all(directory_.path());
  EXPECT_TRUE(start({"/bin/true"}));
}

TEST_F(ProcessLauncherTest, makes_notify_paths_again_and_knows_who_was_unheard) {
  ASSERT_TRUE(start({"/bin/sleep", "1000"}));
  ASSERT_TRUE(start({"/bin/sleep", "1000"}));
  EXPECT_TRUE(launcher_.unheard().empty());
  const std::string path = launcher_.find(started_[1])->notify_path();
  testing::internal::CaptureStderr();
  std::filesystem::remove(path);
  EXPECT_EQ(launcher_.unheard(), std::vector{started_[1]});
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_TRUE(launcher_.unheard().empty());
  std::filesystem::remove_all(directory_.path());
  ASSERT_TRUE(start({"/bin/sleep", "1000"}));
  EXPECT_TRUE(std::filesystem::exists(path)) << "the start of a new worker does not check the others";
  EXPECT_EQ(launcher_.unheard().size(), 2U);
  EXPECT_TRUE(launcher_.unheard().empty());
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("the notify sockets of 1 worker were removed: created again"), std::string::npos) << log;
}

TEST_F(ProcessLauncherTest, says_once_that_a_notify_path_cannot_be_made_again) {
  ASSERT_TRUE(start({"/bin/sleep", "1000"}));
  testing::internal::CaptureStderr();
  std::filesystem::remove_all(directory_.path());
  std::ofstream(directory_.path()) << "in the way";
  const std::string in_the_way = directory_.path();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(launcher_.unheard(), started_);
  const std::string log = testing::internal::GetCapturedStderr();
  std::filesystem::remove(in_the_way);
  const std::size_t line = log.find("the folder can't be created again");
  EXPECT_NE(line, std::string::npos) << log;
  EXPECT_EQ(log.find("the folder", line + 1), std::string::npos) << log;
}

TEST_F(ProcessLauncherTest, leaves_no_descriptor_behind) {
  const auto open_descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  const auto before = open_descriptors();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(start({"/bin/true"}));
  ASSERT_TRUE(run_until([this] { return record_.gone.size() == started_.size(); }));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(start({"/nonexistent"}));
  ASSERT_TRUE(run_until([this] { return record_.gone.size() == started_.size(); }));
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(ProcessLauncherTest, sums_the_connections_of_those_that_count) {
  EXPECT_EQ(launcher_.connections(), std::nullopt);
  ASSERT_TRUE(start({"/bin/sleep", "1000"}));
  EXPECT_EQ(launcher_.connections(), std::nullopt);
  // The first bytes of a StatsPage: layout 1, reserved 0, 12 connections.
  const std::string count_12 = R"(printf '\001\000\000\000\000\000\000\000\014' >&6; exec tail -f /dev/null)";
  ASSERT_TRUE(start({"/bin/sh", "-c", count_12}));
  ASSERT_TRUE(start({"/bin/sh", "-c", count_12}));
  EXPECT_TRUE(run_until([this] { return launcher_.connections() == 24U; }));
}

// From a launcher that was killed, in a way: its objects live, but know nothing of what follows.
TEST_F(ProcessLauncherTest, goes_on_with_the_worker_of_an_earlier_one) {
  ASSERT_TRUE(start({"/bin/sh", "-c", "tail -f /dev/null & wait"}, 2));
  const WorkerId id = started_.front();
  ASSERT_TRUE(run_until([this] { return record_.executed.size() == 1; }));
  const WorkerProcess::Descriptors ends = launcher_.find(id)->descriptors();
  WorkerDescriptors descriptors;
  for (const auto& [mine, its] : {std::pair{&descriptors.control, ends.control},
                                  {&descriptors.notify, ends.notify},
                                  {&descriptors.stats, ends.stats}}) {
    mine->reset(fcntl(its, F_DUPFD_CLOEXEC, 3));
  }
  EventLoop loop;
  LaunchRecord record;
  Orphans orphans(loop, true);
  ProcessLauncher next(loop, sockets_, directory_, groups_, orphans, {}, record);
  ASSERT_EQ(launcher_.parts().size(), 1U);
  const auto its_generation = generation({"/bin/sh"});
  ASSERT_TRUE(next.adopt({id, 2, its_generation}, launcher_.parts().front(), std::move(descriptors)));
  EXPECT_EQ(next.parts(), launcher_.parts());
  EXPECT_EQ(next.generation_of(id), its_generation.get());
  next.signal(id, SIGKILL);
  for (int turns = 0; turns < 100 && record.gone.empty(); ++turns) loop.run_once(milliseconds(100));
  ASSERT_EQ(record.gone.count(id), 1U);
  EXPECT_EQ(record.gone[id].value, SIGKILL);
  for (int turns = 0; turns < 100 && next.find(id) != nullptr; ++turns) loop.run_once(milliseconds(100));
  EXPECT_EQ(next.find(id), nullptr);
}

TEST_F(ProcessLauncherTest, a_worker_that_outlives_the_master_gets_no_signal_when_that_dies) {
  for (const bool outlives : {false, true}) {
    const std::string file = folder_ + "/pid";
    std::filesystem::remove(file);
    const std::string script = "echo $$ >" + file + ".new; mv " + file + ".new " + file + "; exec tail -f /dev/null";
    const auto program = generation({"/bin/sh", "-c", script});
    const pid_t master = fork();
    if (master == 0) {
      EventLoop loop;
      Orphans orphans(loop, false);
      LaunchSettings settings;
      settings.outlive_master = outlives;
      ProcessLauncher launcher(loop, sockets_, directory_, groups_, orphans, settings, record_);
      if (!launcher.start({WorkerId{1}, 0, program})) _exit(1);
      for (;;) pause();
    }
    pid_t worker = 0;
    ASSERT_TRUE(run_until([&] { return static_cast<bool>(std::ifstream(file) >> worker); }));
    const UniqueFd pidfd = open_pidfd(worker);
    ASSERT_EQ(kill(master, SIGKILL), 0);
    ASSERT_EQ(waitpid(master, nullptr, 0), master);
    pollfd ended{pidfd.get(), POLLIN, 0};
    EXPECT_EQ(poll(&ended, 1, outlives ? 50 : 10'000), outlives ? 0 : 1);
    send_signal(pidfd.get(), SIGKILL);
  }
}

TEST_F(ProcessLauncherTest, goes_on_with_the_control_group_of_a_worker) {
  const RealGroup service;
  if (!service) GTEST_SKIP() << service.reason();
  const GroupFolder group = *GroupFolder::make(service.path("w.9"));
  const pid_t left = fork();
  if (left == 0) {
    if (!group.enter()) _exit(1);
    for (;;) pause();
  }
  ASSERT_TRUE(run_until([&group] { return group.populated(); }));
  WorkerGroups groups(service.folder().path(), false);
  ProcessLauncher launcher(loop_, sockets_, directory_, groups, orphans_, {}, record_);
  ASSERT_TRUE(adopt_ended(launcher, left));
  ASSERT_NE(launcher.find(WorkerId{9})->remains(), nullptr);
  launcher.signal(WorkerId{9}, SIGKILL);
  ASSERT_TRUE(run_until([this] { return record_.remains_gone.contains(WorkerId{9}); }));
  EXPECT_EQ(launcher.find(WorkerId{9}), nullptr);
  waitpid(left, nullptr, 0);
}

TEST_F(ProcessLauncherTest, ends_what_it_could_not_find_of_a_worker_when_the_next_one_is_gone) {
  const RealGroup service;
  if (!service) GTEST_SKIP() << service.reason();
  WorkerGroups groups(service.folder().path(), false);
  ProcessLauncher launcher(loop_, sockets_, directory_, groups, orphans_, {}, record_);
  const auto is_gone = [this](std::uint64_t id) { return [this, id] { return record_.gone.contains(WorkerId{id}); }; };
  ASSERT_TRUE(launcher.start({WorkerId{2}, 1, generation({"/bin/tail", "-f", "/dev/null"})}));
  ASSERT_TRUE(launcher.start({WorkerId{1}, 0, generation({"/bin/sh", "-c", "tail -f /dev/null &"})}));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool gone = run_until(is_gone(1));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(gone);
  EXPECT_EQ(launcher.find(WorkerId{1}), nullptr);
  const GroupFolder left(service.path("w.1"));
  EXPECT_TRUE(left.populated());
  launcher.signal(WorkerId{2}, SIGKILL);
  ASSERT_TRUE(run_until(is_gone(2)));
  EXPECT_TRUE(run_until([&left] { return !left.populated(); }));
}

// The group is a plain folder, since a real one on this machine may have no controllers.
TEST_F(ProcessLauncherTest, knows_whether_the_oom_killer_explains_the_death_of_a_worker_of_an_earlier_master) {
  std::filesystem::create_directory(folder_ + "/w.9");
  std::ofstream(folder_ + "/w.9/cgroup.procs").flush();
  std::ofstream(folder_ + "/w.9/memory.events") << "oom_kill 3\n";
  WorkerGroups groups(folder_, true);
  ProcessLauncher launcher(loop_, sockets_, directory_, groups, orphans_, {}, record_);
  ASSERT_TRUE(adopt_ended(launcher, 0));
  const Instant now = SteadyClock().now();
  EXPECT_EQ(launcher.oom_explains_death(WorkerId{9}, now), false) << "the earlier one knew of those";
  std::ofstream(folder_ + "/w.9/memory.events") << "oom_kill 4\n";
  EXPECT_EQ(launcher.oom_explains_death(WorkerId{9}, now), true);
  ASSERT_TRUE(run_until([this] { return record_.remains_gone.contains(WorkerId{9}); }));
  EXPECT_EQ(launcher.oom_explains_death(WorkerId{9}, now), std::nullopt);
}

}  // namespace
}  // namespace preforkd
