// SPDX-License-Identifier: MIT
#include "master/upgrade.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/current_directory.hpp"
#include "base/escape.hpp"
#include "base/pidfd.hpp"
#include "base/signal_name.hpp"
#include "base/time_span.hpp"
#include "base/whole_number.hpp"
#include "master/pool/scheduler.hpp"
#include "master/predecessor.hpp"
#include "master/succession/inherited_descriptors.hpp"

namespace preforkd {
namespace {

constexpr Duration trial_timeout = std::chrono::seconds(10);
constexpr int image_in_trial = 3;

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& each : strings) pointers.push_back(const_cast<char*>(each.c_str()));  // never written to
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment_with_image(int image) {
  const std::string name = std::string(image_variable) + "=";
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    if (!std::string_view(*each).starts_with(name)) variables.emplace_back(*each);
  }
  variables.push_back(name + std::to_string(image));
  return variables;
}

std::string last_line(int fd) {
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t size = 0; (size = read(fd, part.data(), part.size())) > 0;)
    text.append(part.data(), static_cast<std::size_t>(size));
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

void set_close_on_exec(const std::map<int, std::string>& descriptors, bool on) noexcept {
  for (const auto& [fd, name] : descriptors) fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0);
}

}  // namespace

// The kernel says how it was found; a path in /dev/fd leads nowhere later.
Invocation own_invocation(int argc, const char* const* argv) {
  const auto* const found = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  std::string program = found == nullptr ? "" : found;
  if (program.empty() || program.starts_with("/dev/fd/")) {
    std::array<char, 4096> path{};
    const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
    program.assign(path.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  }
  return {from_current_directory(program), {argv, argv + argc}};
}

void check_upgrade(const std::string& pool) {
  const char* const image = std::getenv(image_variable);
  const std::optional<int> fd = image == nullptr ? std::nullopt : whole_number<int>(image);
  if (!fd) throw ExitError(exit_code::usage, "--check-upgrade: is for preforkd itself");
  const Result<Predecessor> predecessor = read_predecessor(*fd, pool);
  if (!predecessor) throw ExitError(exit_code::failure, "the image of the pool: " + predecessor.error().text);
  const Scheduler scheduler(
      predecessor->pool.image, predecessor->pool.generations, [](WorkerId) { return 0; }, SteadyClock().now());
}

Upgrade::~Upgrade() { kill_trial(); }

void Upgrade::kill_trial() {
  if (trial_pid_ == 0) return;
  kill(trial_pid_, SIGKILL);
  waitpid(trial_pid_, nullptr, 0);
  end_trial();
}

void Upgrade::try_successor(int image, Tried done) {
  done_ = std::move(done);
  if (const Result<void> started = start_trial(image); !started) done_(Failure(started.error()));
}

Result<void> Upgrade::start_trial(int image) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return os_failure(errno, "cannot try it: ");
  output_.reset(ends[0]);
  const UniqueFd input(ends[1]);
  fcntl(input.get(), F_SETFL, 0);
  std::vector<std::string> arguments = invocation_.arguments;
  arguments.insert(arguments.begin() + 1, "--check-upgrade");
  const std::vector<std::string> variables = environment_with_image(image_in_trial);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  sigemptyset(&none);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, input.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, input.get(), STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, image, image_in_trial);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, invocation_.program.c_str(), &actions, &attributes, pointers_to(arguments).data(),
                                pointers_to(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return os_failure(error, invocation_.program + ": ");
  trial_pid_ = pid;
  orphans_.add_worker(pid);
  trial_ = open_pidfd(pid);
  if (!trial_) {
    const int why = errno;
    kill_trial();
    return os_failure(why, "cannot watch the trial: ");
  }
  exit_source_ = loop_.add_io(trial_.get(), EPOLLIN, Priority::normal, [this](std::uint32_t) { on_trial_end(); });
  deadline_ = loop_.add_timer(Priority::normal, std::chrono::milliseconds(1), [this] {
    was_late_ = true;
    kill(trial_pid_, SIGKILL);
  });
  was_late_ = false;
  deadline_.arm(SteadyClock().now() + trial_timeout);
  return {};
}

void Upgrade::on_trial_end() {
  int status = 0;
  const pid_t ended = waitpid(trial_pid_, &status, WNOHANG);
  if (ended == 0) return;
  const bool known = ended == trial_pid_;
  const std::string said = last_line(output_.get());
  end_trial();
  const Tried done = std::move(done_);
  const bool agrees = known && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (agrees && said.starts_with("preforkd ")) return done(said);
  if (agrees) return done(Failure(invocation_.program + " is not a preforkd"));
  std::string why = "unknown exit status";
  if (known && WIFEXITED(status)) why = "exit status " + std::to_string(WEXITSTATUS(status));
  if (known && WIFSIGNALED(status)) why = signal_name(WTERMSIG(status));
  if (!said.empty()) why = escape_bytes(said, 4096);
  if (was_late_) why = "no answer within " + format_time_span(trial_timeout);
  done(Failure(invocation_.program + " cannot go on: " + why));
}

void Upgrade::end_trial() {
  orphans_.remove_worker(std::exchange(trial_pid_, 0));
  exit_source_ = EventSource();
  deadline_ = EventSource();
  trial_.reset();
  output_.reset();
}

Error Upgrade::execute(int image, const std::map<int, std::string>& descriptors) const {
  const std::vector<std::string> variables = environment_with_image(image);
  set_close_on_exec(descriptors, false);
  execve(invocation_.program.c_str(), pointers_to(invocation_.arguments).data(), pointers_to(variables).data());
  const int error = errno;
  set_close_on_exec(descriptors, true);
  return Error(invocation_.program + ": " + errno_text(error));
}

}  // namespace preforkd
