// SPDX-License-Identifier: MIT
#include "ctl/output/exit_table.hpp"

#include "ctl/output/human.hpp"
#include "ctl/output/printable.hpp"

namespace preforkd::ctl {

Table exit_table(const std::vector<ExitRecord>& exits, std::uint64_t now) {
  Table table({{"WHEN"}, {"AGO", true}, {"SLOT", true}, {"PID", true}, {"GEN", true}, {"CAUSE"}, {"WHAT HAPPENED"}});
  for (const ExitRecord& exit : exits) {
    table.add({{human_time(exit.at)},
               {human_age(exit.at, now)},
               {std::to_string(exit.slot)},
               {exit.pid == 0 ? "" : std::to_string(exit.pid)},
               {std::to_string(exit.generation)},
               {printable(exit.cause), exit.failure ? Colour::red : Colour::plain},
               {printable(exit.text)}});
  }
  return table;
}

}  // namespace preforkd::ctl
