// SPDX-License-Identifier: MIT
#include "support/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/errors.hpp"
#include "base/pidfd.hpp"
#include "support/proc.hpp"
#include "wire/worker_env.hpp"

namespace preforkd::component {
namespace {

constexpr int first_spare_descriptor = 200;  // above every number that a child gets

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw HarnessError("pipe2 failed: " + errno_text(errno));
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Everything that the child needs, made before the fork: the child may make only async-signal-safe calls, because our
// reader threads may hold locks.
struct Image {
  std::vector<std::string> strings;
  std::vector<char*> argv;
  std::vector<char*> envp;
  char* listen_pid = nullptr;  // the place for the digits
  std::vector<UniqueFd> sources;
  const char* directory = nullptr;
  std::vector<int> ignored_signals;
  sigset_t blocked_signals{};
};

std::vector<std::string> environment_of(const StartOptions& options) {
  std::vector<std::string> environment;
  for (char** each = environ; *each != nullptr && !options.only_this_environment; ++each) {
    const std::string_view variable = *each;
    const std::string_view name = variable.substr(0, variable.find('='));
    bool replaced = worker_env::is_contract_variable(name) || name == "JOURNAL_STREAM";
    for (const auto& [added, value] : options.environment) replaced = replaced || added == name;
    if (!replaced) environment.emplace_back(variable);
  }
  for (const auto& [name, value] : options.environment) environment.push_back(name + "=" + value);
  return environment;
}

UniqueFd copy_above(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, first_spare_descriptor));
  if (!copy) throw HarnessError("cannot copy descriptor " + std::to_string(fd) + ": " + errno_text(errno));
  return copy;
}

void fill(Image& image, const std::string& program, const std::vector<std::string>& arguments,
          const StartOptions& options) {
  image.strings = environment_of(options);
  const std::size_t variables = image.strings.size();
  if (options.listen_pid) image.strings.push_back("LISTEN_PID=          ");
  image.strings.push_back(program);
  image.strings.insert(image.strings.end(), arguments.begin(), arguments.end());
  for (std::size_t i = 0; i < variables; ++i) image.envp.push_back(image.strings[i].data());
  if (options.listen_pid) {
    image.envp.push_back(image.strings[variables].data());
    image.listen_pid = image.envp.back() + std::strlen("LISTEN_PID=");
  }
  image.envp.push_back(nullptr);
  for (std::size_t i = variables + (options.listen_pid ? 1 : 0); i < image.strings.size(); ++i) {
    image.argv.push_back(image.strings[i].data());
  }
  image.argv.push_back(nullptr);
  if (options.directory) image.directory = options.directory->c_str();
  image.ignored_signals = options.ignored_signals;
  ::sigemptyset(&image.blocked_signals);
  for (const int signal : options.blocked_signals) ::sigaddset(&image.blocked_signals, signal);
}

void write_pid(char* digits) {
  if (digits == nullptr) return;
  std::array<char, 12> reversed{};
  std::size_t count = 0;
  for (pid_t rest = ::getpid(); rest != 0; rest /= 10) reversed[count++] = static_cast<char>('0' + rest % 10);
  while (count > 0) *digits++ = reversed[--count];
  *digits = '\0';
}

[[noreturn]] void become(Image& image) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setsid();
  ::sigprocmask(SIG_SETMASK, &image.blocked_signals, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  for (const int signal : image.ignored_signals) ::signal(signal, SIG_IGN);
  for (std::size_t i = 0; i < image.sources.size(); ++i) {
    if (::dup2(image.sources[i].get(), static_cast<int>(i)) < 0) ::_exit(126);
  }
  if (image.directory != nullptr && ::chdir(image.directory) != 0) ::_exit(126);
  write_pid(image.listen_pid);
  ::execve(image.argv.front(), image.argv.data(), image.envp.data());
  ::_exit(127);
}

}  // namespace

Process::Process(const std::string& program, const std::vector<std::string>& arguments, const StartOptions& options) {
  Image image;
  fill(image, program, arguments, options);
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (const int fd : {null.get(), out.writer.get(), err.writer.get()}) image.sources.push_back(copy_above(fd));
  for (const int fd : options.descriptors) image.sources.push_back(copy_above(fd));
  pid_ = ::fork();
  if (pid_ == 0) become(image);
  if (pid_ < 0) throw HarnessError("fork failed: " + errno_text(errno));
  pidfd_ = open_pidfd(pid_);
  out_ = std::make_unique<Output>(std::move(out.reader));
  err_ = std::make_unique<Output>(std::move(err.reader));
}

Process::~Process() {
  if (exit_) return;
  signal(SIGKILL);
  reap();
}

void Process::signal(int number) const { send_signal(pidfd_.get(), number); }

void Process::reap() {
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) return;
  exit_.emplace();
  if (WIFEXITED(status)) exit_->status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) exit_->signal = WTERMSIG(status);
}

Exit Process::wait_exit(const Deadline& deadline) {
  if (exit_) return *exit_;
  if (!wait_gone(pidfd_.get(), deadline)) {
    throw HarnessError("process " + std::to_string(pid_) + " has not ended in time; stderr:\n" + err_->text());
  }
  reap();
  return exit_.value();
}

Ended run(const std::string& program, const std::vector<std::string>& arguments, const StartOptions& options) {
  Process process(program, arguments, options);
  const Exit exit = process.wait_exit();
  return {exit.status.value_or(-1), process.out().wait_closed(), process.err().wait_closed()};
}

}  // namespace preforkd::component
