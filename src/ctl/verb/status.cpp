// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "base/errors.hpp"
#include "ctl/command/command_line.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/output/human.hpp"
#include "ctl/output/json_view.hpp"
#include "ctl/output/status_text.hpp"
#include "ctl/output/worker_table.hpp"
#include "pools/bus/failure_text.hpp"

namespace preforkd::ctl {
namespace {

using Clock = std::chrono::steady_clock;

// The time between the two samples of a rate: long enough for a number, short enough for a user. A mean since the start
// would say little about now.
constexpr std::chrono::milliseconds sample{300};

// A pool at the first sample, and what is shown of it in the end.
struct Subject {
  KnownPool pool;
  std::optional<PoolClient> client;  // nullopt for a pool that is not on the bus or does not answer
  std::vector<WorkerSnapshot> workers;
  Clock::time_point seen;
  std::vector<WorkerRow> rows;
  bool failed = false;  // and this was reported

  [[nodiscard]] bool counts() const {
    return std::any_of(workers.begin(), workers.end(),
                       [](const WorkerSnapshot& worker) { return worker.counters.requests_total > 0; });
  }
};

void first_look(Subject& subject, Context& context) {
  try {
    subject.client.emplace(context.bus(), subject.pool.name, false);
  } catch (const AbsentPool&) {
    auto late = context.known_pools().connect(subject.pool);
    if (!late) return context.known_pools().check_exists(subject.pool.name);
    subject.client.emplace(std::move(*late));
  }
  subject.workers = subject.client->workers();
  subject.seen = Clock::now();
}

void last_look(Subject& subject, bool rates) {
  if (!subject.client) return;
  const std::vector<WorkerSnapshot> workers = rates ? subject.client->workers() : subject.workers;
  const Clock::duration span = Clock::now() - subject.seen;
  PoolSnapshot state = subject.client->snapshot();
  subject.rows = worker_rows(workers, subject.client->processes());
  if (rates) add_rates(subject.rows, subject.workers, span);
  subject.pool.answer = std::move(state);
}

Json json_of(const Subject& subject) {
  Json object = to_json(subject.pool);
  object["workers"] = subject.pool.answer ? to_json(subject.rows) : Json();
  return object;
}

std::vector<std::string> chosen(Context& context) {
  std::vector<std::string> names;
  for (const std::string& argument : context.options().arguments) names.push_back(pool_argument(argument));
  if (!names.empty()) return names;
  names = context.known_pools().names();
  if (names.empty()) context.screen().remark("no pools on " + describe(context.options().bus));
  return names;
}

void show(Context& context, const std::vector<Subject>& subjects) {
  if (context.json()) {
    Json all = Json::array();
    for (const Subject& subject : subjects) all.push_back(json_of(subject));
    return context.screen().show(context.options().arguments.size() == 1 ? all.at(0) : all);
  }
  std::string text;
  for (const Subject& subject : subjects) {
    if (subject.failed) continue;
    text += (text.empty() ? "" : "\n") +
            status_text(subject.pool, subject.rows, wall_clock_now(), context.screen().style());
  }
  context.screen().show(text);
}

}  // namespace

int run_status(Context& context) {
  const std::vector<std::string> names = chosen(context);
  int result = exit_code::ok;
  std::vector<Subject> subjects;
  for (const std::string& name : names) {
    subjects.push_back({{name, std::nullopt, {}, {}, context.configs().of(name)}, std::nullopt, {}, {}, {}, false});
  }
  // A pool that does not answer must not hide the others.
  const auto each = [&](const auto& look) {
    for (Subject& subject : subjects) {
      try {
        if (!subject.failed) look(subject);
      } catch (const ExitError& error) {
        if (names.size() == 1 && !context.json()) throw;
        complain(error.what());
        result = error.exit_code();
        subject.failed = true;
        subject.pool.standing = {result == exit_no_such_pool ? "no such pool" : standing::no_answer, error.what()};
      }
    }
  };
  each([&](Subject& subject) { first_look(subject, context); });
  const bool rates = !context.json() && std::any_of(subjects.begin(), subjects.end(),
                                                    [](const Subject& subject) { return subject.counts(); });
  if (rates) std::this_thread::sleep_for(sample);
  each([&](Subject& subject) { last_look(subject, rates && subject.counts()); });
  show(context, subjects);
  const bool fine = std::all_of(subjects.begin(), subjects.end(), [](const Subject& subject) {
    return subject.pool.answer && subject.pool.answer->fine();
  });
  return result != exit_code::ok || fine ? result : exit_not_running;
}

}  // namespace preforkd::ctl
