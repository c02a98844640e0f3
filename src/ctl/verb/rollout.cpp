// SPDX-License-Identifier: MIT
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "base/counted.hpp"
#include "base/errors.hpp"
#include "ctl/command/command_line.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/output/human.hpp"
#include "ctl/output/json_view.hpp"
#include "ctl/output/printable.hpp"
#include "ctl/output/table.hpp"
#include "ctl/rollout/rollout.hpp"
#include "ctl/rollout/rollout_record.hpp"
#include "ctl/rollout/ssh_host.hpp"

namespace preforkd::ctl {
namespace {

constexpr int exit_interrupted = 128 + SIGINT;

// While it lives, the first SIGINT, SIGTERM or SIGHUP is noted and calls `on_stop`; the second one ends the program.
class StopRequest {
 public:
  explicit StopRequest(std::function<void()> on_stop) : on_stop_(std::move(on_stop)) {
    sigemptyset(&set_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set_, number);
    ::pthread_sigmask(SIG_BLOCK, &set_, &before_);  // the threads that start later have it, too
    watch_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
  }
  StopRequest(const StopRequest&) = delete;
  StopRequest& operator=(const StopRequest&) = delete;
  ~StopRequest() {
    watch_ = {};
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  [[nodiscard]] bool made() const noexcept { return made_; }

 private:
  void watch(const std::stop_token& stop) {
    constexpr timespec look{0, 100'000'000};
    while (!stop.stop_requested()) {
      if (::sigtimedwait(&set_, nullptr, &look) < 0) continue;
      if (made_.exchange(true)) ::_exit(exit_interrupted);
      on_stop_();
    }
  }

  std::function<void()> on_stop_;
  sigset_t set_{};
  sigset_t before_{};
  std::atomic<bool> made_ = false;
  std::jthread watch_;
};

void check_options(const Options& options) {
  const auto reject = [](const std::string& reason) { throw ExitError(exit_code::usage, "rollout: " + reason); };
  if (options.hosts.empty()) reject("--hosts is missing");
  if (options.bus != BusTarget()) reject("--hosts names the hosts, and their system bus is used; no other bus");
  const RolloutSettings& settings = options.rollout;
  if (settings.upgrade_command.empty()) reject("--upgrade-command: is empty");
  if (settings.drain_timeout < settings.drain_wait) reject("--drain-timeout is less than --drain-wait");
  if (settings.parallel > 1 && settings.parallel >= options.hosts.size())
    reject("--parallel: " + std::to_string(settings.parallel) + " of " + counted(options.hosts.size(), "host") +
           " at a time would leave none that gets clients");
}

class RolloutVerb {
 public:
  explicit RolloutVerb(Context& context)
      : context_(context),
        options_(context.options()),
        pool_(pool_argument(options_.arguments[0])),
        record_(pool_, options_.rollout.upgrade, !options_.dry_run) {
    for (const std::string& host : options_.hosts) {
      hosts_.push_back(std::make_unique<SshHost>(host, pool_, options_.rollout.upgrade_command, options_.ask_password));
    }
  }

  int run() {
    HostRecords before = record_.hosts();
    if (options_.from_start) {
      for (auto& [host, record] : before) record.done.reset();
    }
    const StopRequest* request = nullptr;
    Rollout rollout(hosts_, options_.rollout, std::move(before),
                    {.now = std::chrono::steady_clock::now,
                     .wait = [] { std::this_thread::sleep_for(std::chrono::milliseconds(250)); },
                     .stopped = [&] { return request != nullptr && request->made(); },
                     .on_progress = [this](const std::string& host, const std::string& what) { say(host, what); },
                     .on_record = [this](const std::string& host, const HostRecord& record) { keep(host, record); }});
    const std::vector<HostPlan> plan = rollout.plan();
    if (options_.dry_run) return show(plan);
    for (std::size_t index = 0; index < plan.size(); ++index) {
      if (plan[index].done) say(options_.hosts[index], "done by the rollout before; --from-start repeats it");
    }
    const StopRequest stop([this] {
      context_.screen().remark("the rollout ends as soon as the present hosts serve; Ctrl-C again ends it at once");
    });
    request = &stop;
    const std::vector<HostResult> results = rollout.run(plan);
    return conclude(results, stop.made());
  }

 private:
  void say(const std::string& host, const std::string& what) const {
    const auto at = std::find(options_.hosts.begin(), options_.hosts.end(), host) - options_.hosts.begin();
    context_.screen().remark('[' + std::to_string(at + 1) + '/' + std::to_string(options_.hosts.size()) + "] " + host +
                             ": " + printable_lines(what));
  }

  void keep(const std::string& host, const HostRecord& record) {
    if (!record_.set(host, record)) complain("the record of the rollout cannot be written; it cannot be continued");
  }

  int show(const std::vector<HostPlan>& plan) const;
  int conclude(const std::vector<HostResult>& results, bool stopped);

  Context& context_;
  const Options& options_;
  const std::string pool_;
  RolloutRecord record_;
  Rollout::Hosts hosts_;
};

std::string keys_of(const std::vector<PlannedChange>& changes) {
  std::string keys;
  for (const PlannedChange& change : changes) keys += (keys.empty() ? "" : ", ") + change.key;
  return keys;
}

int RolloutVerb::show(const std::vector<HostPlan>& plan) const {
  const bool upgrade = options_.rollout.upgrade;
  const auto what = [&](const HostPlan& host) -> std::string {
    if (host.done) return "nothing: done by the rollout before";
    if (upgrade) return "upgrade";
    return host.changes.empty() ? "reload: nothing has changed" : "reload: " + keys_of(host.changes);
  };
  if (context_.json()) {
    Json all = Json::array();
    for (std::size_t index = 0; index < plan.size(); ++index) {
      Json changes = Json::array();
      for (const PlannedChange& change : plan[index].changes) changes.push_back(to_json(change));
      all.push_back({{"host", options_.hosts[index]},
                     {"done", plan[index].done},
                     {"changes", upgrade ? Json() : changes},
                     {"pool", to_json(plan[index].pool)}});
    }
    context_.screen().show(all);
    return exit_code::ok;
  }
  Table table({{"HOST"}, {"VERSION"}, {"READY", true}, {"GEN", true}, {"CONNECTIONS", true}, {"WOULD DO"}});
  for (std::size_t index = 0; index < plan.size(); ++index) {
    const PoolSnapshot& pool = plan[index].pool;
    table.add({{options_.hosts[index]},
               {printable(pool.version)},
               {std::to_string(pool.ready_workers) + '/' + std::to_string(pool.target_workers)},
               {std::to_string(pool.generation)},
               {pool.counters.counts ? std::to_string(pool.counters.connections) : ""},
               {printable(what(plan[index]))}});
  }
  std::string text = table.text(context_.screen().style(), options_.legend);
  if (options_.legend) {
    const RolloutSettings& settings = options_.rollout;
    text += '\n' + counted(settings.parallel, "host") + " at a time: drain for " +
            format_time_span(settings.drain_wait) + " to " + format_time_span(settings.drain_timeout) + ", " +
            (upgrade ? "upgrade by \"" + printable(settings.upgrade_command) + '"' : "reload") +
            ", check, end the drain, soak for " + format_time_span(settings.soak) + ".\n";
  }
  context_.screen().show(text);
  return exit_code::ok;
}

std::string state_text(const HostResult& result) {
  if (!result.drained) return "its state is not known";
  return *result.drained ? "it stays drained" : "it serves as before";
}

int RolloutVerb::conclude(const std::vector<HostResult>& results, bool stopped) {
  std::string failures;
  std::string rest;
  Json hosts = Json::array();
  for (std::size_t index = 0; index < results.size(); ++index) {
    const HostResult& result = results[index];
    const std::string& host = options_.hosts[index];
    hosts.push_back({{"host", host},
                     {"result", to_string(result.end)},
                     {"message", result.message},
                     {"drained", result.drained ? Json(*result.drained) : Json()}});
    if (result.end == HostEnd::failed) failures += host + ": " + result.message + "; " + state_text(result) + '\n';
    if (result.end == HostEnd::untouched || result.end == HostEnd::interrupted)
      rest += (rest.empty() ? "" : ", ") + host;
  }
  const bool ok = failures.empty() && rest.empty();
  if (ok && !record_.forget(options_.hosts)) complain("the record of the rollout cannot be removed");
  if (context_.json()) context_.screen().show(Json{{"ok", ok}, {"hosts", hosts}});
  if (ok) {
    context_.screen().remark("rollout done: " + counted(results.size(), "host"));
    return exit_code::ok;
  }
  const std::string left = rest.empty() ? "" : "not done: " + rest + '\n';
  const std::string next = "the same command again continues with the hosts that are not done";
  if (failures.empty()) {
    complain("the rollout was interrupted\n" + left + next);
    return exit_interrupted;
  }
  complain("the rollout has stopped" + std::string(stopped ? ", and was interrupted" : "") + '\n' +
           printable_lines(failures) + left + next);
  return exit_code::failure;
}

}  // namespace

int run_rollout(Context& context) {
  check_options(context.options());
  return RolloutVerb(context).run();
}

}  // namespace preforkd::ctl
