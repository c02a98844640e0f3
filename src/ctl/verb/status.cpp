// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <thread>

#include "base/errors.hpp"
#include "ctl/command_error.hpp"
#include "ctl/context.hpp"
#include "ctl/output/human.hpp"
#include "ctl/output/json_view.hpp"
#include "ctl/output/status_text.hpp"
#include "ctl/output/worker_rows.hpp"
#include "ctl/verbs.hpp"

namespace preforkd::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int exit_not_fine = 3;  // as of systemctl status
// Between the two looks that a rate is made of: long enough for a number, too short to be waited for. A mean since the
// start would say little about now.
constexpr std::chrono::milliseconds sample{300};

struct Look {
  PoolState pool;
  std::vector<WorkerRow> workers;
};

Look look(PoolClient& client, bool rates) {
  std::vector<WorkerState> workers = client.workers();
  const bool counts = std::any_of(workers.begin(), workers.end(),
                                  [](const WorkerState& worker) { return worker.counters.requests_total > 0; });
  const Clock::time_point start = Clock::now();
  std::vector<WorkerState> before;
  if (rates && counts) {
    before = std::move(workers);
    std::this_thread::sleep_for(sample);
    workers = client.workers();
  }
  const Clock::duration span = Clock::now() - start;
  Look result{client.state(), worker_rows(workers, client.processes())};
  if (rates && counts) add_rates(result.workers, before, span);
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
  std::string text;
  Json all = Json::array();
  int result = exit_code::ok;
  for (const std::string& name : names) {
    PoolClient client = context.pool(name);
    try {
      const Look now = look(client, !context.json());
      if (!now.pool.fine() && result == exit_code::ok) result = exit_not_fine;
      text +=
          (text.empty() ? "" : "\n") + status_text(now.pool, now.workers, wall_clock_now(), context.screen().style());
      all.push_back(json_of(now));
    } catch (const CommandError& error) {
      if (names.size() == 1) throw;
      complain(error.what());  // what one pool does not tell must not hide the others
      result = error.exit_code();
    }
  }
  if (!context.json()) {
    context.screen().show(text);
  } else {
    context.screen().show(context.options().arguments.size() == 1 ? all.at(0) : all);
  }
  return result;
}

}  // namespace preforkd::ctl
