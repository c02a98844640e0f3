// SPDX-License-Identifier: MIT
#include "base/counted.hpp"
#include "base/errors.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/output/human.hpp"
#include "ctl/output/json_view.hpp"
#include "ctl/output/worker_table.hpp"

namespace preforkd::ctl {

int run_workers(Context& context) {
  PoolClient pool = context.pool();
  const std::vector<WorkerSnapshot> workers = pool.workers();
  const std::vector<WorkerRow> rows = worker_rows(workers, pool.processes());
  if (context.json()) {
    context.screen().show(to_json(rows));
    return exit_code::ok;
  }
  const bool legend = context.options().legend;
  std::string text = worker_table(rows, wall_clock_now()).text(context.screen().style(), legend);
  if (legend) text += '\n' + counted(rows.size(), "worker") + ".\n";
  context.screen().show(text);
  return exit_code::ok;
}

}  // namespace preforkd::ctl
