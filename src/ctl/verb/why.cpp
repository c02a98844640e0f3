// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>

#include "base/errors.hpp"
#include "ctl/command/command_line.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/journal.hpp"
#include "ctl/output/human.hpp"
#include "ctl/output/json_view.hpp"
#include "ctl/output/printable.hpp"
#include "ctl/output/table.hpp"

namespace preforkd::ctl {
namespace {

// "; used 1.2s of CPU, at most 83.0M": what is known.
std::string used_text(const PastExit& exit) {
  std::string text;
  if (exit.cpu_us > 0) text = "; used " + human_seconds(span_of(exit.cpu_us)) + " of CPU";
  if (exit.max_memory > 0) text += (text.empty() ? "; used at most " : ", at most ") + human_bytes(exit.max_memory);
  return text;
}

Table table_of(const std::vector<PastExit>& exits, std::uint64_t now) {
  Table table({{"WHEN"}, {"AGO", true}, {"SLOT", true}, {"PID", true}, {"GEN", true}, {"CAUSE"}, {"WHAT HAPPENED"}});
  for (const PastExit& exit : exits) {
    table.add({{human_time(exit.at)},
               {human_age(exit.at, now)},
               {std::to_string(exit.slot)},
               {exit.pid == 0 ? "" : std::to_string(exit.pid)},
               {std::to_string(exit.generation)},
               {printable(exit.cause), exit.failure ? Colour::red : Colour::plain},
               {printable(exit.text) + used_text(exit)}});
  }
  return table;
}

}  // namespace

int run_why(Context& context) {
  const auto& arguments = context.options().arguments;
  std::optional<std::uint32_t> slot;
  if (arguments.size() > 1) slot = slot_argument(arguments[1]);
  PoolClient pool = context.pool();
  std::vector<PastExit> exits = pool.exits();
  if (slot) std::erase_if(exits, [&](const PastExit& exit) { return exit.slot != *slot; });
  if (context.json()) {
    context.screen().show(to_json(exits));
    return exit_code::ok;
  }
  if (exits.empty()) {
    context.screen().remark(slot ? "no worker of this slot has ended" : "no worker has ended yet");
    return exit_code::ok;
  }
  std::string text = table_of(exits, wall_clock_now()).text(context.screen().style(), context.options().legend);
  const auto failed = std::find_if(exits.begin(), exits.end(), [](const PastExit& exit) { return exit.failure; });
  if (failed != exits.end()) {
    const std::string words = last_words(pool, *failed);
    if (!words.empty()) text += '\n' + words;
  }
  context.screen().show(text);
  return exit_code::ok;
}

}  // namespace preforkd::ctl
