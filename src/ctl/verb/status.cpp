// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <thread>

#include "base/errors.hpp"
#include "ctl/base/command_error.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/output/human.hpp"
#include "ctl/output/json_view.hpp"
#include "ctl/output/status_text.hpp"
#include "ctl/output/worker_rows.hpp"

namespace preforkd::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int exit_not_fine = 3;  // as of systemctl status
// Between the two looks that a rate is made of: long enough for a number, too short to be waited for. A mean since the
// start would say little about now.
constexpr std::chrono::milliseconds sample{300};

// A pool at the first look.
struct Subject {
  PoolClient client;
  std::vector<WorkerState> workers;
  Clock::time_point seen;

  [[nodiscard]] bool counts() const {
    return std::any_of(workers.begin(), workers.end(),
                       [](const WorkerState& worker) { return worker.counters.requests_total > 0; });
  }
};

struct Look {
  PoolState pool;
  std::vector<WorkerRow> workers;
};

Subject first_look(PoolClient client) {
  std::vector<WorkerState> workers = client.workers();
  return {std::move(client), std::move(workers), Clock::now()};
}

Look last_look(Subject& subject, bool rates) {
  PoolClient& client = subject.client;
  const std::vector<WorkerState> workers = rates ? client.workers() : subject.workers;
  const Clock::duration span = Clock::now() - subject.seen;
  Look result{client.state(), worker_rows(workers, client.processes())};
  if (rates) add_rates(result.workers, subject.workers, span);
  return result;
}

Json json_of(const Look& look) {
  Json object = to_json(look.pool);
  object["workers"] = to_json(look.workers);
  return object;
}

std::vector<std::string> chosen(Context& context) {
  if (!context.options().arguments.empty()) return context.options().arguments;
  std::vector<std::string> all = pool_names(context.bus());
  if (all.empty()) throw CommandError(exit_code::unavailable, "no pool runs on " + describe(context.options().bus));
  return all;
}

}  // namespace

int run_status(Context& context) {
  const std::vector<std::string> names = chosen(context);
  int result = exit_code::ok;
  // What one pool does not tell must not hide the others.
  const auto unless_it_fails = [&](const auto& ask) {
    try {
      ask();
    } catch (const CommandError& error) {
      if (names.size() == 1) throw;
      complain(error.what());
      result = error.exit_code();
    }
  };
  std::vector<Subject> subjects;
  for (const std::string& name : names) {
    PoolClient client = context.pool(name);
    unless_it_fails([&] { subjects.push_back(first_look(client)); });
  }
  const bool rates = !context.json() && std::any_of(subjects.begin(), subjects.end(),
                                                    [](const Subject& subject) { return subject.counts(); });
  if (rates) std::this_thread::sleep_for(sample);

  std::string text;
  Json all = Json::array();
  for (Subject& subject : subjects) {
    unless_it_fails([&] {
      const Look now = last_look(subject, rates && subject.counts());
      if (!now.pool.fine() && result == exit_code::ok) result = exit_not_fine;
      text +=
          (text.empty() ? "" : "\n") + status_text(now.pool, now.workers, wall_clock_now(), context.screen().style());
      all.push_back(json_of(now));
    });
  }
  if (!context.json()) {
    context.screen().show(text);
  } else {
    context.screen().show(context.options().arguments.size() == 1 ? all.at(0) : all);
  }
  return result;
}

}  // namespace preforkd::ctl
