// SPDX-License-Identifier: MIT
#include "master/upgrade.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "base/current_directory.hpp"
#include "base/escape.hpp"
#include "base/signal_name.hpp"
#include "base/time_span.hpp"
#include "base/whole_number.hpp"
#include "master/base/log.hpp"
#include "master/base/message_id.hpp"
#include "master/pool/scheduler.hpp"
#include "master/predecessor.hpp"
#include "master/succession.hpp"
#include "master/succession/inherited_descriptors.hpp"

namespace preforkd {
namespace {

constexpr Duration trial_timeout = std::chrono::seconds(10);
constexpr int image_in_trial = 3;
constexpr std::size_t max_said = std::size_t{64} * 1024;  // more of its output is not of interest

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

std::string last_line(std::string text) {
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

Upgrade::Upgrade(EventLoop& loop, Orphans& orphans, Succession& succession, Invocation invocation,
                 std::function<std::string()> obstacle, std::function<void()> on_news)
    : loop_(loop),
      orphans_(orphans),
      succession_(succession),
      invocation_(std::move(invocation)),
      obstacle_(std::move(obstacle)),
      on_news_(std::move(on_news)) {}

Upgrade::~Upgrade() {
  if (trial_.pid == 0) return;
  kill(trial_.pid, SIGKILL);
  waitpid(trial_.pid, nullptr, 0);
}

void Upgrade::request(Done done) {
  std::string reason = obstacle_();
  if (reason.empty() && state_ != State::resting) reason = "another upgrade is going on";
  if (!reason.empty()) {
    log::warning("upgrade refused: " + reason, {message_id::field(message_id::upgrade_refused)});
    return done(Failure(reason));
  }
  state_ = State::trying;
  done_ = std::move(done);
  if (const Result<void> started = start_trial(succession_.write()); !started) conclude(Failure(started.error()));
}

Result<void> Upgrade::start_trial(int image) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return os_failure(errno, "cannot try it: ");
  output_.reset(ends[0]);
  const UniqueFd input(ends[1]);
  fcntl(input.get(), F_SETFL, 0);
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) return os_failure(errno, "cannot try it: /dev/null: ");
  SpawnPlan plan;
  plan.program = invocation_.program;
  plan.arguments = invocation_.arguments;
  plan.arguments.insert(plan.arguments.begin() + 1, "--check-upgrade");
  plan.environment = environment_with_image(image_in_trial);
  plan.directory = ".";
  plan.descriptors = {null.get(), input.get(), input.get(), image};
  plan.death_signal = SIGKILL;
  Result<Spawned> spawned = spawn(plan);
  if (!spawned) return Failure(spawned.error());
  trial_ = std::move(*spawned);
  orphans_.add_worker(trial_.pid);
  said_.clear();
  was_late_ = false;
  output_source_ = loop_.add_io(output_.get(), EPOLLIN, Priority::normal, [this](std::uint32_t) { on_output(); });
  exit_source_ = loop_.add_io(trial_.pidfd.get(), EPOLLIN, Priority::normal, [this](std::uint32_t) { on_trial_end(); });
  deadline_ = loop_.add_timer(Priority::normal, std::chrono::milliseconds(1), [this] {
    was_late_ = true;
    kill(trial_.pid, SIGKILL);
  });
  deadline_.arm(SteadyClock().now() + trial_timeout);
  return {};
}

// Reads all, so that nothing blocks the trial.
void Upgrade::on_output() {
  std::array<char, 4096> part{};
  const ssize_t size = read(output_.get(), part.data(), part.size());
  if (size > 0) said_.append(part.data(), std::min(static_cast<std::size_t>(size), max_said - said_.size()));
  if (size == 0) output_source_.disarm();
}

void Upgrade::on_trial_end() {
  int status = 0;
  const pid_t ended = waitpid(trial_.pid, &status, WNOHANG);
  if (ended == 0) return;
  while (said_.size() < max_said) {
    const std::size_t before = said_.size();
    on_output();
    if (said_.size() == before) break;
  }
  conclude(verdict(ended == trial_.pid ? std::optional(status) : std::nullopt));
}

Result<std::string> Upgrade::verdict(std::optional<int> status) const {
  const std::string said = last_line(said_);
  const ExecReport report = read_exec_report(trial_.report.get());
  if (report.kind == ExecReport::Kind::failed) return os_failure(report.error, invocation_.program + ": ");
  const bool agrees = status && WIFEXITED(*status) && WEXITSTATUS(*status) == 0;
  if (agrees && said.starts_with("preforkd ")) return said;
  if (agrees) return Failure(invocation_.program + " is not a preforkd");
  std::string why = "unknown exit status";
  if (status && WIFEXITED(*status)) why = "exit status " + std::to_string(WEXITSTATUS(*status));
  if (status && WIFSIGNALED(*status)) why = signal_name(WTERMSIG(*status));
  if (!said.empty()) why = escape_bytes(said, 4096);
  if (was_late_) why = "no answer within " + format_time_span(trial_timeout);
  return Failure(invocation_.program + " cannot go on: " + why);
}

void Upgrade::end_trial() {
  orphans_.remove_worker(trial_.pid);
  output_source_ = EventSource();
  exit_source_ = EventSource();
  deadline_ = EventSource();
  trial_ = Spawned();
  output_.reset();
}

void Upgrade::conclude(Result<std::string> version) {
  end_trial();
  on_news_();
  if (std::string reason = obstacle_(); version && !reason.empty()) version = Failure(std::move(reason));
  state_ = version ? State::agreed : State::resting;
  if (version) {
    version_ = *version;
  } else {
    log::error("upgrade refused: " + version.error().text, {message_id::field(message_id::upgrade_refused)});
  }
  std::exchange(done_, nullptr)(version);
}

void Upgrade::execute() {
  log::info("executing " + version_ + " in place");
  state_ = State::resting;
  const std::map<int, std::string> descriptors = succession_.write_for_execve();
  std::string why = obstacle_();
  if (why.empty()) {
    const std::vector<std::string> variables = environment_with_image(succession_.image());
    set_close_on_exec(descriptors, false);
    execve(invocation_.program.c_str(), pointers_to(invocation_.arguments).data(), pointers_to(variables).data());
    const int error = errno;
    why = invocation_.program + ": " + errno_text(error);
    set_close_on_exec(descriptors, true);
  }
  log::error("the upgrade has failed, and this preforkd continues: " + why,
             {message_id::field(message_id::upgrade_refused)});
}

}  // namespace preforkd
