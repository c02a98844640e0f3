// SPDX-License-Identifier: MIT
#include "ctl/journal/last_words.hpp"

#include <algorithm>
#include <chrono>

#include "ctl/journal/journal.hpp"
#include "ctl/journal/sandbox_hint.hpp"
#include "ctl/output/human.hpp"
#include "ctl/output/printable.hpp"

namespace preforkd::ctl {
namespace {

constexpr std::size_t most_lines = 20;
constexpr std::chrono::seconds journals_delay{2};  // on a busy machine

}  // namespace

std::string last_words(PoolClient& pool, const ExitRecord& exit) {
  const BusTarget::Kind kind = pool.bus().target().kind;
  if (exit.pid == 0 || kind == BusTarget::Kind::host || kind == BusTarget::Kind::machine) return "";
  const std::string slot = std::to_string(exit.slot);
  const std::string identifier = pool.name() + '[' + slot + ']';
  const std::uint64_t now = wall_clock_now();
  const auto age = span_of(now - std::min(exit.at, now));  // whatever time the pool tells
  const auto settled =
      std::chrono::system_clock::now() + journals_delay - std::min<std::chrono::microseconds>(age, journals_delay);
  const auto lines = last_lines(identifier, static_cast<pid_t>(exit.pid), most_lines, settled);
  if (lines.empty()) return "";
  std::string text = "Last lines of worker " + slot + " (pid " + std::to_string(exit.pid) +
                     "); more: preforkctl logs " + pool.name() + ' ' + slot + '\n';
  for (const std::string& line : lines) text += "  " + printable(line) + '\n';
  return text + (pool.bus().target() == BusTarget{} ? sandbox_hint(pool.name(), lines) : "");
}

}  // namespace preforkd::ctl
