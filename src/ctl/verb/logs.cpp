// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/errors.hpp"
#include "base/journal_fields.hpp"
#include "ctl/base/program.hpp"
#include "ctl/command/command_line.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/journal.hpp"

namespace preforkd::ctl {
namespace {

// The identifiers in the journal, and those of the pool's present slots, whose lines may come later with --follow. A
// pool that does not run has lines, too.
std::vector<std::string> identifiers_of(Context& context, const std::string& pool) {
  std::vector<std::string> all = worker_identifiers(pool);
  try {
    for (const WorkerSnapshot& worker : context.pool().workers()) {
      all.push_back(worker_identifier(pool, worker.slot));
    }
  } catch (const ExitError&) {
    // Only the journal has some.
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace

int run_logs(Context& context) {
  const Options& options = context.options();
  const std::string pool = pool_argument(options.arguments[0]);
  std::optional<std::uint32_t> slot;
  if (options.arguments.size() > 1) slot = slot_argument(options.arguments[1]);
  if (options.bus.kind == BusTarget::Kind::host) {
    throw ExitError(exit_code::usage, "logs: a journal can't be read with -H; try \"ssh " + options.bus.where +
                                          " preforkctl logs " + pool + '"');
  }
  std::vector<std::string> words;
  if (options.bus.kind == BusTarget::Kind::machine) {
    // journalctl accepts a machine, but no user in it. "user@" is a user of this machine.
    const std::string machine = options.bus.where.substr(options.bus.where.find('@') + 1);
    if (!machine.empty() && machine != ".host") words.push_back("--machine=" + machine);
  }
  if (options.follow) words.emplace_back("--follow");
  if (!options.lines.empty()) words.push_back("--lines=" + options.lines);
  if (!options.pager) words.emplace_back("--no-pager");
  if (options.full) words.emplace_back("--full");
  if (options.quiet) words.emplace_back("--quiet");
  if (context.json()) words.emplace_back(options.json == JsonMode::pretty ? "--output=json-pretty" : "--output=json");
  words.insert(words.end(), options.passed_on.begin(), options.passed_on.end());
  const auto matches = journal_matches(pool, slot, slot ? std::vector<std::string>() : identifiers_of(context, pool));
  words.insert(words.end(), matches.begin(), matches.end());
  become("journalctl", words);
}

}  // namespace preforkd::ctl
