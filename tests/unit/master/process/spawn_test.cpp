// SPDX-License-Identifier: MIT
#include "master/process/spawn.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "config/values/program_path.hpp"

#include "unit/real_group.hpp"
#include "unit/temp_folder.hpp"

namespace preforkd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int deadline_ms = 10'000;

// The stdout of a program that spawn() started, and its exit status.
struct Outcome {
  std::string output;
  ExecReport report;
  siginfo_t exit{};
  pid_t pid = 0;
};

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  UniqueFd read_end;
  UniqueFd write_end;
};

bool wait_readable(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  return poll(&waiting, 1, deadline_ms) == 1;
}

std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 4096> bytes{};
  while (wait_readable(fd)) {
    const ssize_t size = read(fd, bytes.data(), bytes.size());
    if (size <= 0) break;
    text.append(bytes.data(), static_cast<std::size_t>(size));
  }
  return text;
}

siginfo_t reap(const Spawned& spawned) {
  siginfo_t info{};
  EXPECT_TRUE(wait_readable(spawned.pidfd.get()));
  EXPECT_EQ(waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(spawned.pidfd.get()), &info, WEXITED), 0);
  return info;
}

class SpawnTest : public testing::Test {
 protected:
  SpawnTest() : null_(open("/dev/null", O_RDWR | O_CLOEXEC)) {}

  [[nodiscard]] SpawnPlan plan(const std::vector<std::string>& arguments) const {
    SpawnPlan plan;
    plan.program = arguments.front();
    plan.arguments = arguments;
    plan.descriptors = {null_.get(), output_.write_end.get(), STDERR_FILENO};
    return plan;
  }

  Outcome run(const SpawnPlan& plan) {
    Outcome outcome;
    Result<Spawned> spawned = spawn(plan);
    if (!spawned) {
      ADD_FAILURE() << "spawn: " << spawned.error().text;
      return outcome;
    }
    output_.write_end.reset();
    outcome.pid = spawned->pid;
    outcome.output = read_to_end(output_.read_end.get());
    EXPECT_TRUE(wait_readable(spawned->report.get()));
    outcome.report = read_exec_report(spawned->report.get());
    outcome.exit = reap(*spawned);
    return outcome;
  }

  UniqueFd null_;
  Pipe output_;
};

std::map<std::string, std::string> status_fields(const std::string& proc_status) {
  std::map<std::string, std::string> fields;
  std::istringstream lines(proc_status);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(":\t");
    if (colon != std::string::npos) fields[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return fields;
}

TEST_F(SpawnTest, gives_exactly_the_planned_descriptors) {
  const UniqueFd first(memfd_create("first", MFD_CLOEXEC));
  const UniqueFd second(memfd_create("second", MFD_CLOEXEC));
  const UniqueFd leak(memfd_create("leak", 0));  // no CLOEXEC: it would survive execve
  // The descriptor with which the shell lists the folder is closed before its name is read.
  SpawnPlan wanted = plan({"/bin/sh", "-c", "for fd in /proc/$$/fd/*; do readlink $fd && echo ${fd##*/}; done"});
  wanted.descriptors.push_back(first.get());
  wanted.descriptors.push_back(second.get());
  const Outcome outcome = run(wanted);
  std::istringstream lines(outcome.output);
  std::map<std::string, std::string> there;
  for (std::string target, fd; std::getline(lines, target) && std::getline(lines, fd);) there[fd] = target;
  ASSERT_EQ(there.size(), 5U) << outcome.output;
  EXPECT_EQ(there["0"], "/dev/null");
  EXPECT_EQ(there["1"].substr(0, 5), "pipe:");
  EXPECT_EQ(there.count("2"), 1U);
  EXPECT_EQ(there["3"], "/memfd:first (deleted)");
  EXPECT_EQ(there["4"], "/memfd:second (deleted)");
  EXPECT_EQ(outcome.report.kind, ExecReport::Kind::executed);
}

// Each source has the number of another one's target, and one source is given twice.
TEST_F(SpawnTest, places_descriptors_whatever_their_numbers_were) {
  const UniqueFd a(memfd_create("a", MFD_CLOEXEC));
  const UniqueFd b(memfd_create("b", MFD_CLOEXEC));
  const UniqueFd at_4(fcntl(b.get(), F_DUPFD_CLOEXEC, 4));
  SpawnPlan wanted = plan({"/bin/sh", "-c", "readlink /proc/$$/fd/3 /proc/$$/fd/4 /proc/$$/fd/5 /proc/$$/fd/6"});
  // 3 ← b's copy, 4 ← a, 5 ← a, 6 ← null: with low numbers in a fresh process these overlap in every way.
  wanted.descriptors.insert(wanted.descriptors.end(), {at_4.get(), a.get(), a.get(), null_.get()});
  const Outcome outcome = run(wanted);
  EXPECT_EQ(outcome.output, "/memfd:b (deleted)\n/memfd:a (deleted)\n/memfd:a (deleted)\n/dev/null\n");
}

TEST_F(SpawnTest, swaps_descriptors_that_trade_places) {
  // 1 and 2 are swapped: dup2 calls in order alone would be wrong.
  SpawnPlan wanted = plan({"/bin/sh", "-c", "echo to-two >&2; echo to-one"});
  const Pipe both;
  const UniqueFd one(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10));
  const UniqueFd two(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10));
  ASSERT_EQ(dup2(output_.write_end.get(), STDERR_FILENO), STDERR_FILENO);
  ASSERT_EQ(dup2(both.write_end.get(), STDOUT_FILENO), STDOUT_FILENO);
  wanted.descriptors = {null_.get(), STDERR_FILENO, STDOUT_FILENO};
  const Result<Spawned> spawned = spawn(wanted);
  dup2(one.get(), STDOUT_FILENO);
  dup2(two.get(), STDERR_FILENO);
  ASSERT_TRUE(spawned);
  output_.write_end.reset();
  EXPECT_EQ(read_to_end(output_.read_end.get()), "to-one\n");
  std::array<char, 64> text{};
  ASSERT_GT(read(both.read_end.get(), text.data(), text.size()), 0);
  EXPECT_STREQ(text.data(), "to-two\n");
  reap(*spawned);
}

TEST_F(SpawnTest, gives_exactly_the_planned_environment_and_its_own_pid) {
  SpawnPlan wanted = plan({"/usr/bin/env", "-0"});
  wanted.environment = {"A=1", "EMPTY=", "LINES=one\ntwo"};
  wanted.set_listen_pid = true;
  wanted.set_watchdog_pid = true;
  const Outcome outcome = run(wanted);
  using namespace std::string_literals;
  const std::string pid = std::to_string(outcome.pid);
  EXPECT_EQ(outcome.output, "A=1\0EMPTY=\0LINES=one\ntwo\0LISTEN_PID="s + pid + "\0WATCHDOG_PID="s + pid + "\0"s);
}

TEST_F(SpawnTest, sets_each_pid_variable_by_itself) {
  SpawnPlan wanted = plan({"/usr/bin/env"});
  wanted.set_watchdog_pid = true;
  const Outcome outcome = run(wanted);
  EXPECT_EQ(outcome.output, "WATCHDOG_PID=" + std::to_string(outcome.pid) + "\n");
}

TEST_F(SpawnTest, resets_signals_and_starts_a_session) {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGUSR2, &ignore, &before);
  sigset_t some;
  sigset_t mask_before;
  sigemptyset(&some);
  sigaddset(&some, SIGTERM);
  sigaddset(&some, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &some, &mask_before);
  const Outcome outcome = run(plan({"/bin/cat", "/proc/self/status", "/proc/self/stat"}));
  sigprocmask(SIG_SETMASK, &mask_before, nullptr);
  sigaction(SIGUSR2, &before, nullptr);
  std::map<std::string, std::string> fields = status_fields(outcome.output);
  EXPECT_EQ(fields["SigBlk"], "0000000000000000");
  EXPECT_EQ(fields["SigIgn"], "0000000000000000");
  EXPECT_EQ(fields["SigCgt"], "0000000000000000");
  EXPECT_EQ(fields["NSsid"], std::to_string(outcome.pid));
}

TEST_F(SpawnTest, leaves_the_parents_signal_mask_as_it_was) {
  sigset_t before;
  sigset_t after;
  sigemptyset(&before);
  sigaddset(&before, SIGUSR1);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  run(plan({"/bin/true"}));
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, &after);
  for (int signal = 1; signal < _NSIG; ++signal) {
    EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal)) << signal;
  }
}

TEST_F(SpawnTest, changes_directory_and_limit) {
  SpawnPlan wanted = plan({"/bin/sh", "-c", "pwd; ulimit -Sn"});
  wanted.directory = "/usr";
  wanted.soft_open_files = 123;
  EXPECT_EQ(run(wanted).output, "/usr\n123\n");
}

TEST_F(SpawnTest, sets_umask_priority_and_cpus) {
  const unsigned last = allowed_cpus().back();
  SpawnPlan wanted = plan({"/bin/sh", "-c", "umask; nice; grep Cpus_allowed_list /proc/self/status"});
  wanted.process.umask = 0137;
  wanted.process.nice = 7;
  wanted.cpus = affinity_mask({false, {last}}, 0, {last});
  EXPECT_EQ(run(wanted).output, "0137\n7\nCpus_allowed_list:\t" + std::to_string(last) + "\n");
}

TEST_F(SpawnTest, sets_limits_and_their_open_files_count_most) {
  SpawnPlan wanted = plan({"/bin/sh", "-c", "ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -St; ulimit -Ht"});
  wanted.soft_open_files = 123;
  wanted.process.limits = {{RLIMIT_NOFILE, 77, 99}, {RLIMIT_CORE, 0, 0}, {RLIMIT_CPU, 60, 90}};
  EXPECT_EQ(run(wanted).output, "77\n99\n0\n60\n90\n");
}

// A request that only root may make, in a child that has dropped root.
class UnprivilegedSpawnTest : public SpawnTest {
 protected:
  // The step that fails, as the child read it.
  std::string failed_step(const SpawnPlan& wanted) {
    const Pipe answer;
    const pid_t child = fork();
    EXPECT_GE(child, 0);
    if (child == 0) {
      const rlimit open_files{256, 256};
      if (setrlimit(RLIMIT_NOFILE, &open_files) != 0 || (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)) {
        _exit(1);
      }
      const auto spawned = spawn(wanted);
      if (!spawned || !wait_readable(spawned->report.get())) _exit(2);
      const ExecReport report = read_exec_report(spawned->report.get());
      const std::string text = report.step + ": " + std::to_string(report.error);
      _exit(write(answer.write_end.get(), text.data(), text.size()) < 0 ? 3 : 0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    std::array<char, 256> text{};
    const ssize_t size = read(answer.read_end.get(), text.data(), text.size());
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }
};

TEST_F(UnprivilegedSpawnTest, names_the_limit_that_is_too_high) {
  SpawnPlan wanted = plan({"/bin/true"});
  wanted.process.limits = {{RLIMIT_NOFILE, 257, 257}};
  EXPECT_EQ(failed_step(wanted),
            "setrlimit nofile (more than preforkd's own hard limit needs CAP_SYS_RESOURCE): " + std::to_string(EPERM));
}

TEST_F(UnprivilegedSpawnTest, says_what_a_higher_priority_needs) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NICE, &limit), 0);
  if (limit.rlim_cur > 20) GTEST_SKIP() << "RLIMIT_NICE allows every user a higher priority here";
  SpawnPlan wanted = plan({"/bin/true"});
  wanted.process.nice = -1;
  EXPECT_EQ(failed_step(wanted),
            "setpriority (a higher priority than preforkd's own needs CAP_SYS_NICE): " + std::to_string(EACCES));
}

TEST_F(SpawnTest, says_that_none_of_the_cpus_can_be_used) {
  SpawnPlan wanted = plan({"/bin/true"});
  wanted.cpus = CpuMask(1);
  const Outcome outcome = run(wanted);
  EXPECT_EQ(outcome.report.step, "sched_setaffinity (preforkd may use none of these CPUs)");
  EXPECT_EQ(outcome.report.error, EINVAL);
}

TEST_F(SpawnTest, puts_it_and_all_that_it_starts_into_its_control_group) {
  const RealGroup group;
  if (!group) GTEST_SKIP() << group.reason();
  SpawnPlan wanted = plan({"/bin/sh", "-c", "setsid tail -f /dev/null >/dev/null & cat /proc/self/cgroup"});
  const UniqueFd entrance = group.folder().entrance();
  wanted.group_entrance = entrance.get();
  const Outcome outcome = run(wanted);
  EXPECT_NE(outcome.output.find("/" + group.folder().name() + "\n"), std::string::npos) << outcome.output;
  EXPECT_EQ(group.folder().processes().size(), 1U) << "the one that it has left behind";
}

TEST_F(SpawnTest, is_not_started_outside_its_control_group) {
  SpawnPlan wanted = plan({"/bin/true"});
  const Pipe no_group;
  wanted.group_entrance = no_group.read_end.get();
  const Outcome outcome = run(wanted);
  EXPECT_EQ(outcome.report.kind, ExecReport::Kind::failed);
  EXPECT_EQ(outcome.report.step, "cgroup.procs");
  EXPECT_EQ(outcome.report.error, EBADF);
}

// Held at its first step by a pipe that is full.
TEST_F(SpawnTest, has_no_copy_of_the_heap) {
  const Pipe entrance;
  fcntl(entrance.write_end.get(), F_SETFL, O_NONBLOCK);
  const std::string bytes(4096, 'x');
  while (write(entrance.write_end.get(), bytes.data(), bytes.size()) > 0) continue;
  fcntl(entrance.write_end.get(), F_SETFL, 0);
  SpawnPlan held = plan({"/bin/echo", "it runs"});
  held.group_entrance = entrance.write_end.get();
  Result<Spawned> spawned = spawn(held);
  ASSERT_TRUE(spawned) << spawned.error().text;
  std::ifstream maps("/proc/" + std::to_string(spawned->pid) + "/maps");
  const std::string mapped(std::istreambuf_iterator<char>(maps), {});
  EXPECT_THAT(mapped, testing::HasSubstr("[stack]"));
  EXPECT_THAT(mapped, testing::Not(testing::HasSubstr("[heap]")));
  std::string drained(bytes.size(), '\0');
  EXPECT_GT(read(entrance.read_end.get(), drained.data(), drained.size()), 0);
  output_.write_end.reset();
  EXPECT_EQ(read_to_end(output_.read_end.get()), "it runs\n");
  reap(*spawned);
}

TEST_F(SpawnTest, reports_the_failed_step_with_its_errno) {
  const Outcome outcome = run(plan({"/nonexistent/program"}));
  EXPECT_EQ(outcome.report.kind, ExecReport::Kind::failed);
  EXPECT_EQ(outcome.report.step, "execve");
  EXPECT_EQ(outcome.report.error, ENOENT);
  EXPECT_EQ(outcome.exit.si_code, CLD_EXITED);
  EXPECT_EQ(outcome.exit.si_status, 127);
}

TEST_F(SpawnTest, reports_a_directory_that_is_not_there) {
  SpawnPlan no_directory = plan({"/bin/true"});
  no_directory.directory = "/nonexistent";
  const Outcome outcome = run(no_directory);
  EXPECT_EQ(outcome.report.kind, ExecReport::Kind::failed);
  EXPECT_EQ(outcome.report.step, "chdir");
  EXPECT_EQ(outcome.report.error, ENOENT);
}

// A program that was renamed to the path later, as in a package upgrade.
class SpawnOfAHeldProgram : public SpawnTest {
 protected:
  SpawnOfAHeldProgram() {
    std::filesystem::copy_file("/bin/echo", path_);
    held_ = hold_program(path_);
    EXPECT_NE(held_, nullptr);
    files_ = stamp_files({path_});
  }

  void replace() {
    std::filesystem::copy_file("/bin/false", path_ + ".new");
    std::filesystem::rename(path_ + ".new", path_);
  }

  [[nodiscard]] SpawnPlan held_plan() const {
    SpawnPlan held = plan({path_, "it", "runs"});
    held.program_file = held_->get();
    held.files = files_;
    return held;
  }

  TempFolder folder_;
  std::string path_ = folder_.path("program");
  std::shared_ptr<const UniqueFd> held_;
  std::vector<FileStamp> files_;
};

TEST_F(SpawnOfAHeldProgram, runs_what_it_was_when_another_file_has_come_to_its_path) {
  replace();
  const Outcome outcome = run(held_plan());
  EXPECT_EQ(outcome.output, "it runs\n");
  EXPECT_EQ(outcome.report.kind, ExecReport::Kind::executed);
  EXPECT_THAT(outcome.report.changed, ElementsAre(0U));
}

TEST_F(SpawnOfAHeldProgram, runs_what_it_was_when_nothing_is_there_any_more) {
  std::filesystem::remove(path_);
  const Outcome outcome = run(held_plan());
  EXPECT_EQ(outcome.output, "it runs\n");
  EXPECT_THAT(outcome.report.changed, ElementsAre(0U));
}

TEST_F(SpawnOfAHeldProgram, runs_by_its_path_as_long_as_that_is_the_same_file) {
  std::filesystem::copy_file("/bin/cat", path_, std::filesystem::copy_options::overwrite_existing);
  SpawnPlan in_place = held_plan();
  in_place.arguments = {path_, "/proc/self/comm"};
  const Outcome outcome = run(in_place);
  EXPECT_EQ(outcome.output, "program\n") << "executed by its descriptor it would have that number as its name";
  EXPECT_THAT(outcome.report.changed, ElementsAre(0U)) << "but it has other contents";
}

TEST_F(SpawnOfAHeldProgram, leaves_no_descriptor_behind) {
  replace();
  held_ = hold_program("/bin/sh");
  SpawnPlan shell = held_plan();
  shell.arguments = {"sh", "-c", "for fd in /proc/$$/fd/*; do readlink $fd > /dev/null && echo ${fd##*/}; done"};
  EXPECT_EQ(run(shell).output, "0\n1\n2\n");
}

TEST_F(SpawnOfAHeldProgram, says_nothing_while_all_files_are_as_they_were) {
  EXPECT_THAT(run(held_plan()).report.changed, IsEmpty());
}

TEST_F(SpawnTest, a_script_is_not_held_and_another_file_is_told) {
  const TempFolder folder;
  const std::string path = folder.write("script", "#!/bin/sh\necho old\n", 0755);
  EXPECT_EQ(hold_program(path), nullptr);
  SpawnPlan script = plan({path});
  script.files = stamp_files({"/bin/sh", path});
  folder.write("script", "#!/bin/sh\necho renewed\n", 0755);
  const Outcome outcome = run(script);
  EXPECT_EQ(outcome.output, "renewed\n");
  EXPECT_THAT(outcome.report.changed, ElementsAre(1U));
}

TEST_F(SpawnTest, tells_each_file_that_is_another_one) {
  const TempFolder folder;
  const std::string path = folder.write("script", "#!/bin/sh\n", 0755);
  const std::string data = folder.write("data", "old");
  SpawnPlan script = plan({path, data});
  script.files = stamp_files({path, data});
  folder.write("script", "#!/bin/sh\nexit 0\n", 0755);
  folder.write("data", "renewed");
  EXPECT_THAT(run(script).report.changed, ElementsAre(0U, 1U));
}

TEST_F(SpawnTest, reports_nothing_before_the_exec) {
  const Pipe report;
  ASSERT_EQ(fcntl(report.read_end.get(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_EQ(read_exec_report(report.read_end.get()).kind, ExecReport::Kind::pending);
}

TEST_F(SpawnTest, fails_with_the_errno_if_there_can_be_no_process) {
  // In a child, since a lowered limit of open files can't be told apart by test order.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    rlimit none{3, 3};
    setrlimit(RLIMIT_NOFILE, &none);
    const auto spawned = spawn(plan({"/bin/true"}));
    _exit(!spawned && spawned.error().number == EMFILE ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(SpawnTest, sends_the_death_signal_when_the_parent_dies) {
  Pipe lives;  // the grandchild holds the write end as its descriptor 3
  const pid_t parent = fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    SpawnPlan wanted =
        plan({"/bin/sh", "-c", "echo up; exec timeout 20 cat <&4"});  // it blocks until it is asked to end
    const Pipe never;
    wanted.descriptors.push_back(lives.write_end.get());
    wanted.descriptors.push_back(never.read_end.get());
    wanted.descriptors.push_back(never.write_end.get());
    wanted.death_signal = SIGTERM;
    const auto spawned = spawn(wanted);
    std::array<char, 3> up{};
    if (!spawned || read(output_.read_end.get(), up.data(), up.size()) != 3) _exit(1);
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(parent, &status, 0), parent);
  EXPECT_TRUE(WIFSIGNALED(status));
  lives.write_end.reset();
  EXPECT_TRUE(wait_readable(lives.read_end.get())) << "the worker outlived its master";
}

// Makes one system call fail in the calling process, as a sandbox does.
bool forbid(unsigned call, unsigned error) {
  std::array<sock_filter, 4> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{program.size(), program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

class SandboxedSpawnTest : public SpawnTest, public testing::WithParamInterface<std::pair<long, int>> {};

TEST_P(SandboxedSpawnTest, still_starts_the_program) {
  const auto [call, error] = GetParam();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (!forbid(static_cast<unsigned>(call), static_cast<unsigned>(error))) _exit(77);
    const auto spawned = spawn(plan({"/bin/sh", "-c", "exit 5"}));
    if (!spawned || !wait_readable(spawned->pidfd.get())) _exit(1);
    siginfo_t info{};
    const int result = waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(spawned->pidfd.get()), &info, WEXITED);
    _exit(result == 0 && info.si_status == 5 && info.si_pid == spawned->pid ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "seccomp is not available";
  EXPECT_EQ(status, 0);
}

INSTANTIATE_TEST_SUITE_P(EitherCall, SandboxedSpawnTest,
                         testing::Values(std::pair<long, int>(SYS_clone3, ENOSYS),
                                         std::pair<long, int>(SYS_clone3, EPERM),
                                         std::pair<long, int>(SYS_clone, ENOSYS)));

}  // namespace
}  // namespace preforkd
