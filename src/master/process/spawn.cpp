// SPDX-License-Identifier: MIT
// Everything that runs between clone and exec. The child is a copy of a process that may be anywhere in malloc or
// stdio, so it calls only what signal-safety(7) allows, or a raw system call, on memory that the parent prepared; and
// it ends only with execve or _exit. It has no heap (HeapLeftOut), so that memory is on pages of its own.
//
// Rejected: posix_spawn (no pidfd, no death signal, no report of the failed step in glibc 2.36), and CLONE_VM, which is
// safe only if the master waits for the execve (CLONE_VFORK): a dead network file system would hold up the master.
#include "master/process/spawn.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/file_identity.hpp"
#include "base/process_facts.hpp"

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
constexpr std::size_t usual_plan_bytes = 64 * 1024;

class OwnPages final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t /*alignment*/) override {
    void* const pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::system_error(errno, std::system_category(), "cannot fork");
    return pages;
  }
  void do_deallocate(void* pages, std::size_t bytes, std::size_t /*alignment*/) override { munmap(pages, bytes); }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

// All that the child uses, prepared by the parent in `memory`: the child allocates nothing, and the plan is on the
// heap, which it does not have.
struct Child {
  Child(const SpawnPlan& plan, int report_end, std::pmr::memory_resource& memory);

  struct File {
    const char* path;
    FileVersion version;
  };
  const char* program;
  const char* directory;
  std::pmr::vector<char*> argv;
  std::pmr::vector<char*> envp;
  std::array<char*, 2> pid_values{};  // room for the digits of LISTEN_PID and WATCHDOG_PID; null if not set
  std::pmr::vector<File> files;
  std::pmr::vector<int> sources;  // of the plan's descriptors, moved out of the way
  int program_file;               // moved out of the way, too
  int report;
  int group_entrance;
  int death_signal;
  std::optional<mode_t> umask;
  std::optional<int> nice;
  std::pmr::vector<unsigned long> cpus;
  std::optional<rlim_t> soft_open_files;
  std::pmr::vector<ResourceLimit> limits;
  pid_t parent = getpid();
};

// With room for `more` bytes behind it.
char* copy_of(const std::string& text, std::pmr::memory_resource& memory, std::size_t more = 0) {
  char* const copy = std::pmr::polymorphic_allocator<char>(&memory).allocate(text.size() + more + 1);
  copy[text.copy(copy, text.size())] = '\0';
  return copy;
}

Child::Child(const SpawnPlan& plan, int report_end, std::pmr::memory_resource& memory)
    : program(copy_of(plan.program, memory)),
      directory(copy_of(plan.directory, memory)),
      argv(&memory),
      envp(&memory),
      files(&memory),
      sources(plan.descriptors.begin(), plan.descriptors.end(), &memory),
      program_file(plan.program_file),
      report(report_end),
      group_entrance(plan.group_entrance),
      death_signal(plan.death_signal),
      umask(plan.process.umask),
      nice(plan.process.nice),
      cpus(plan.cpus.begin(), plan.cpus.end(), &memory),
      soft_open_files(plan.soft_open_files),
      limits(plan.process.limits.begin(), plan.process.limits.end(), &memory) {
  for (const std::string& each : plan.arguments) argv.push_back(copy_of(each, memory));
  argv.push_back(nullptr);
  for (const std::string& each : plan.environment) envp.push_back(copy_of(each, memory));
  const auto leave_room = [&](const std::string& name) {
    envp.push_back(copy_of(name, memory, pid_digits));
    return envp.back() + name.size();
  };
  if (plan.set_listen_pid) pid_values[0] = leave_room("LISTEN_PID=");
  if (plan.set_watchdog_pid) pid_values[1] = leave_room("WATCHDOG_PID=");
  envp.push_back(nullptr);
  for (const FileStamp& each : plan.files) files.push_back({copy_of(each.path, memory), each.version});
}

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
  if (child.death_signal == 0) return;
  if (prctl(PR_SET_PDEATHSIG, child.death_signal) != 0) fail(child, Step::death_signal);
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
  if (child.soft_open_files) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail(child, Step::limits, RLIMIT_NOFILE);
    limit.rlim_cur = *child.soft_open_files;
    set_limit(child, RLIMIT_NOFILE, limit);
  }
  for (const ResourceLimit& limit : child.limits) set_limit(child, limit.resource, {limit.soft, limit.hard});
}

void set_scheduling(const Child& child) noexcept {
  if (child.nice && setpriority(PRIO_PROCESS, 0, *child.nice) != 0) fail(child, Step::nice);
  if (child.cpus.empty()) return;
  const std::size_t bytes = child.cpus.size() * sizeof(child.cpus.front());
  if (syscall(SYS_sched_setaffinity, 0, bytes, child.cpus.data()) != 0) fail(child, Step::cpus);
}

void tell_changed_files(const Child& child) noexcept {
  for (std::size_t i = 0; i < child.files.size(); ++i) {
    if (FileVersion::at(child.files[i].path) != child.files[i].version)
      tell(child, {Step::changed_file, 0, static_cast<int>(i)});
  }
}

// Executes the path as long as it leads to the intended file: before Linux 6.14 a program that is executed by its
// descriptor has the descriptor's number for its name (comm). Returns only on failure.
void execute(const Child& child) noexcept {
  const auto held = child.program_file >= 0 ? FileIdentity::of(child.program_file) : std::nullopt;
  if (held && held != FileIdentity::at(child.program)) {
    // Returns with ENOENT for what binfmt_misc runs with an interpreter, and with ENOSYS or EPERM in strict sandboxes.
    syscall(SYS_execveat, child.program_file, "", child.argv.data(), child.envp.data(), AT_EMPTY_PATH);
  }
  execve(child.program, child.argv.data(), child.envp.data());
}

// The first step, so that whatever the process starts is in the group, too. Rejected: CLONE_INTO_CGROUP, which takes
// clone3 and so can't be used in a sandbox with RestrictNamespaces=.
void enter_group(const Child& child) noexcept {
  if (child.group_entrance >= 0 && write(child.group_entrance, "0", 1) != 1) fail(child, Step::group);
}

[[noreturn]] void run_child(Child& child) noexcept {
  enter_group(child);
  if (setsid() < 0) fail(child, Step::session);
  reset_dispositions(child);
  place_descriptors(child);
  follow_parent_in_death(child);
  if (child.umask) ::umask(*child.umask);
  set_scheduling(child);
  set_limits(child);
  if (chdir(child.directory) != 0) fail(child, Step::chdir);
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

// The child gets no copy of the heap. To copy its page tables, and then each of its pages that the master writes to
// while the child does not execute yet, took 0.4 ms in a pool of a thousand workers. On failure the child gets it after
// all.
class HeapLeftOut {
 public:
  HeapLeftOut() noexcept {
    static const std::optional<std::uintptr_t> start = own_heap_start();
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto end = reinterpret_cast<std::uintptr_t>(sbrk(0));
    const std::uintptr_t first = (start.value_or(end) + page - 1) / page * page;
    if (first >= end) return;
    heap_ = reinterpret_cast<void*>(first);
    bytes_ = end - first;
    madvise(heap_, bytes_, MADV_DONTFORK);
  }
  ~HeapLeftOut() {
    if (bytes_ > 0) madvise(heap_, bytes_, MADV_DOFORK);
  }
  HeapLeftOut(const HeapLeftOut&) = delete;
  HeapLeftOut& operator=(const HeapLeftOut&) = delete;

 private:
  void* heap_ = nullptr;
  std::size_t bytes_ = 0;
};

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
  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return os_failure(errno, "cannot fork: ");
  Spawned spawned;
  spawned.report.reset(pipe_ends[0]);
  const UniqueFd report_end(pipe_ends[1]);

  OwnPages pages;
  std::pmr::monotonic_buffer_resource memory(usual_plan_bytes, &pages);
  Child child(plan, report_end.get(), memory);
  int pidfd = -1;
  const BlockedSignals blocked;
  const HeapLeftOut left_out;
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
