// SPDX-License-Identifier: MIT
// Everything that runs between clone and exec. The child is a copy of a process that may be anywhere in malloc or
// stdio, so it calls only what signal-safety(7) allows, or a raw system call, on memory that the parent prepared; and
// it ends only with execve or _exit. Rejected: posix_spawn (no pidfd, no death signal, no report of the failed step in
// glibc 2.36) and CLONE_VM (the child would share the master's memory; copying the few pages that a small master
// dirties costs some 50 µs).
#include "master/process/spawn.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/file_identity.hpp"

namespace preforkd {
namespace {

enum class Step : int {
  group,
  session,
  signals,
  descriptors,
  close_range,
  death_signal,
  limits,
  nice,
  cpus,
  chdir,
  execve,
  changed_file  // not a failure: a note, sent just before execve
};

constexpr std::array<std::string_view, 11> step_names{
    "cgroup.procs", "setsid",      "sigaction",         "dup2",  "close_range", "PR_SET_PDEATHSIG",
    "setrlimit",    "setpriority", "sched_setaffinity", "chdir", "execve"};

struct Report {
  Step step;
  int error;
  int detail;  // limits: the resource; changed_file: its index
};

constexpr int exec_failed_status = 127;  // as in a shell
constexpr std::size_t pid_digits = 10;

// The data of the child, prepared by the parent so that the child allocates nothing.
struct Child {
  const SpawnPlan& plan;
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::array<char*, 2> pid_values;  // room for the digits of LISTEN_PID and WATCHDOG_PID; null if not set
  std::vector<int> sources;         // of the plan's descriptors, moved out of the way
  int program_file;                 // moved out of the way, too
  int report;
  pid_t parent;
};

void tell(const Child& child, const Report& report) noexcept {
  // A few bytes fit into an empty pipe; without a reader there is no one to report to.
  [[maybe_unused]] const ssize_t written = write(child.report, &report, sizeof(report));
}

[[noreturn]] void fail(const Child& child, Step step, int detail = 0) noexcept {
  tell(child, {step, errno, detail});
  _exit(exec_failed_status);
}

void reset_dispositions(const Child& child) noexcept {
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  for (int signal = 1; signal < _NSIG; ++signal) {
    // EINVAL: SIGKILL, SIGSTOP and the two signals that glibc keeps for itself cannot be set, so they are at their
    // default.
    if (sigaction(signal, &by_default, nullptr) != 0 && errno != EINVAL) fail(child, Step::signals);
  }
}

// Puts descriptors[i] at i. First moves sources out of the range of targets, so that no order of the plan can overwrite
// one. dup2 of a descriptor onto itself, which would keep CLOEXEC, cannot happen then.
void place_descriptors(Child& child) noexcept {
  const int count = static_cast<int>(child.sources.size());
  const int last = count + 1;
  const auto move_away = [&](int source) {
    if (source > last || source < 0) return source;
    const int moved = fcntl(source, F_DUPFD_CLOEXEC, last + 1);
    if (moved < 0) fail(child, Step::descriptors);
    return moved;
  };
  for (int& source : child.sources) source = move_away(source);
  child.report = move_away(child.report);
  child.program_file = move_away(child.program_file);
  for (int target = 0; target < count; ++target) {
    if (dup2(child.sources[static_cast<std::size_t>(target)], target) < 0) fail(child, Step::descriptors);
  }
  if (dup3(child.report, count, O_CLOEXEC) < 0) fail(child, Step::descriptors);
  child.report = count;
  if (child.program_file >= 0) {
    if (dup3(child.program_file, last, O_CLOEXEC) < 0) fail(child, Step::descriptors);
    child.program_file = last;
  }
  const int first_closed = child.program_file >= 0 ? last + 1 : last;
  if (syscall(SYS_close_range, first_closed, ~0U, 0) != 0) fail(child, Step::close_range);
}

void follow_parent_in_death(const Child& child) noexcept {
  if (child.plan.death_signal == 0) return;
  if (prctl(PR_SET_PDEATHSIG, child.plan.death_signal) != 0) fail(child, Step::death_signal);
  // A parent that died before the call sends no signal.
  if (getppid() != child.parent) _exit(exec_failed_status);
}

void write_own_pid(char* digits) noexcept {
  if (digits == nullptr) return;
  std::array<char, pid_digits> reversed{};
  std::size_t count = 0;
  for (pid_t pid = getpid(); pid > 0; pid /= 10) reversed[count++] = static_cast<char>('0' + pid % 10);
  while (count > 0) *digits++ = reversed[--count];
  *digits = '\0';
}

void set_limit(const Child& child, int resource, rlimit limit) noexcept {
  // glibc declares the first argument as an enum in C++; the kernel takes a number.
  if (syscall(SYS_prlimit64, 0, resource, &limit, nullptr) != 0) fail(child, Step::limits, resource);
}

void set_limits(const Child& child) noexcept {
  if (child.plan.soft_open_files) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail(child, Step::limits, RLIMIT_NOFILE);
    limit.rlim_cur = *child.plan.soft_open_files;
    set_limit(child, RLIMIT_NOFILE, limit);
  }
  for (const ResourceLimit& limit : child.plan.process.limits)
    set_limit(child, limit.resource, {limit.soft, limit.hard});
}

void set_scheduling(const Child& child) noexcept {
  if (child.plan.process.nice && setpriority(PRIO_PROCESS, 0, *child.plan.process.nice) != 0) fail(child, Step::nice);
  if (child.plan.cpus.empty()) return;
  const std::size_t bytes = child.plan.cpus.size() * sizeof(child.plan.cpus.front());
  if (syscall(SYS_sched_setaffinity, 0, bytes, child.plan.cpus.data()) != 0) fail(child, Step::cpus);
}

void tell_changed_files(const Child& child) noexcept {
  for (std::size_t i = 0; i < child.plan.files.size(); ++i) {
    if (!is_current(child.plan.files[i])) tell(child, {Step::changed_file, 0, static_cast<int>(i)});
  }
}

// Executes the path as long as it leads to the intended file: before Linux 6.14 a program that is executed by its
// descriptor has the descriptor's number for its name (comm). Returns only on failure.
void execute(const Child& child) noexcept {
  const auto held = child.program_file >= 0 ? FileIdentity::of(child.program_file) : std::nullopt;
  if (held && held != FileIdentity::at(child.plan.program.c_str())) {
    // Returns with ENOENT for what binfmt_misc runs with an interpreter, and with ENOSYS or EPERM in strict sandboxes.
    syscall(SYS_execveat, child.program_file, "", child.argv.data(), child.envp.data(), AT_EMPTY_PATH);
  }
  execve(child.plan.program.c_str(), child.argv.data(), child.envp.data());
}

// The first step, so that whatever the process starts is in the group, too. Rejected: CLONE_INTO_CGROUP, which takes
// clone3 and so can't be used in a sandbox with RestrictNamespaces=.
void enter_group(const Child& child) noexcept {
  if (child.plan.group_entrance >= 0 && write(child.plan.group_entrance, "0", 1) != 1) fail(child, Step::group);
}

[[noreturn]] void run_child(Child& child) noexcept {
  enter_group(child);
  if (setsid() < 0) fail(child, Step::session);
  reset_dispositions(child);
  place_descriptors(child);
  follow_parent_in_death(child);
  if (child.plan.process.umask) umask(*child.plan.process.umask);
  set_scheduling(child);
  set_limits(child);
  if (chdir(child.plan.directory.c_str()) != 0) fail(child, Step::chdir);
  for (char* digits : child.pid_values) write_own_pid(digits);
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, nullptr) != 0) fail(child, Step::signals);
  tell_changed_files(child);
  execute(child);
  fail(child, Step::execve);
}

long legacy_clone(int* pidfd) noexcept {
  constexpr unsigned long flags = CLONE_PIDFD | SIGCHLD;
#if defined(__s390__)
  return syscall(SYS_clone, nullptr, flags, pidfd, nullptr, nullptr);
#else
  return syscall(SYS_clone, flags, nullptr, pidfd, nullptr, nullptr);
#endif
}

// systemd's RestrictNamespaces= makes clone3 fail with ENOSYS, old container runtimes with EPERM, since its flags
// cannot be filtered.
long clone_with_pidfd(int* pidfd) noexcept {
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD;
  arguments.pidfd = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(pidfd));
  arguments.exit_signal = SIGCHLD;
  const long pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
  return pid < 0 && (errno == ENOSYS || errno == EPERM) ? legacy_clone(pidfd) : pid;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// No signal may reach the child before its dispositions are reset: the child would handle it as a second master.
class BlockedSignals {
 public:
  BlockedSignals() noexcept {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_{};
};

std::string describe(const Report& report) {
  const auto index = static_cast<std::size_t>(report.step);
  std::string text(index < step_names.size() ? step_names[index] : "start");
  const bool forbidden = report.error == EPERM || report.error == EACCES;
  if (report.step == Step::limits) text += ' ' + std::string(limit_name(report.detail));
  if (report.step == Step::limits && forbidden) text += " (more than preforkd's own hard limit needs CAP_SYS_RESOURCE)";
  if (report.step == Step::nice && forbidden) text += " (a higher priority than preforkd's own needs CAP_SYS_NICE)";
  if (report.step == Step::cpus && report.error == EINVAL) text += " (preforkd may use none of these CPUs)";
  return text;
}

}  // namespace

Result<Spawned> spawn(const SpawnPlan& plan) {
  std::vector<std::string> arguments = plan.arguments;
  std::vector<std::string> environment = plan.environment;
  std::array<char*, 2> pid_values{};
  const auto leave_room = [&environment](std::string name) {
    environment.push_back(std::move(name) + std::string(pid_digits, '\0'));
  };
  if (plan.set_listen_pid) leave_room("LISTEN_PID=");
  if (plan.set_watchdog_pid) leave_room("WATCHDOG_PID=");
  std::size_t last = environment.size();
  if (plan.set_watchdog_pid) pid_values[1] = environment[--last].data() + std::strlen("WATCHDOG_PID=");
  if (plan.set_listen_pid) pid_values[0] = environment[--last].data() + std::strlen("LISTEN_PID=");

  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return os_failure(errno, "cannot fork: ");
  Spawned spawned;
  spawned.report.reset(pipe_ends[0]);
  const UniqueFd report_end(pipe_ends[1]);

  Child child{plan,
              pointers(arguments),
              pointers(environment),
              pid_values,
              plan.descriptors,
              plan.program_file,
              report_end.get(),
              getpid()};
  int pidfd = -1;
  const BlockedSignals blocked;
  const long pid = clone_with_pidfd(&pidfd);
  if (pid == 0) run_child(child);
  if (pid < 0) return os_failure(errno, "cannot fork: ");
  spawned.pid = static_cast<pid_t>(pid);
  spawned.pidfd.reset(pidfd);
  return spawned;
}

ExecReport read_exec_report(int report) {
  ExecReport result;
  for (;;) {
    Report got{};
    const ssize_t size = read(report, &got, sizeof(got));
    if (size < 0) return result;  // EAGAIN: nothing more has happened yet
    if (size != static_cast<ssize_t>(sizeof(got))) {
      result.kind = ExecReport::Kind::executed;
      return result;
    }
    if (got.step != Step::changed_file) {
      result.kind = ExecReport::Kind::failed;
      result.step = describe(got);
      result.error = got.error;
      return result;
    }
    result.changed.push_back(static_cast<std::size_t>(got.detail));
  }
}

}  // namespace preforkd
