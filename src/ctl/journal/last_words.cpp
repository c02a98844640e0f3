// SPDX-License-Identifier: MIT
#include "ctl/journal/last_words.hpp"

#include "ctl/journal/journal.hpp"
#include "ctl/output/printable.hpp"

namespace preforkd::ctl {
namespace {

constexpr std::size_t most_lines = 20;

}  // namespace

std::string last_words(PoolClient& pool, const ExitRecord& exit) {
  const BusTarget::Kind kind = pool.bus().target().kind;
  if (exit.pid == 0 || kind == BusTarget::Kind::host || kind == BusTarget::Kind::machine) return "";
  const std::string slot = std::to_string(exit.slot);
  const std::string identifier = pool.name() + '[' + slot + ']';
  const auto lines = last_lines(identifier, static_cast<pid_t>(exit.pid), most_lines);
  if (lines.empty()) return "";
  std::string text = "Last lines of worker " + slot + " (pid " + std::to_string(exit.pid) +
                     "); more: preforkctl logs " + pool.name() + ' ' + slot + '\n';
  for (const std::string& line : lines) text += "  " + printable(line) + '\n';
  return text;
}

}  // namespace preforkd::ctl
