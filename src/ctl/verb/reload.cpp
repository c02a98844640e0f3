// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>

#include "base/errors.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/journal.hpp"
#include "ctl/output/event_text.hpp"

namespace preforkd::ctl {
namespace {

using Exits = std::vector<PastExit>;

// The last lines of the worker of a new generation that failed since `before`; empty if there is none. An earlier
// reload may have failed because of one, too.
std::string words_of_failed_worker(PoolClient& pool, const Exits& before, std::uint32_t live_generation) {
  for (const PastExit& exit : pool.exits()) {
    if (!before.empty() && exit == before.front()) break;
    if (exit.failure && exit.generation > live_generation) return last_words(pool, exit);
  }
  return "";
}

// Progress of the workers; the reload's reply has the result.
bool is_progress(const Signal& signal) { return signal.member.starts_with("Worker"); }

std::optional<std::string> result_of(const Signal& signal) {
  if (signal.member != "ReloadFinished" || signal.arguments.size() < 3 || signal.arguments[0] != true) {
    return std::nullopt;
  }
  return signal.arguments[2].is_string() ? std::optional(signal.arguments[2].get<std::string>()) : std::nullopt;
}

// Returns the result as a sentence.
std::string reload(Context& context) {
  PoolClient pool = context.pool_to_change();
  const std::uint32_t generation = pool.snapshot().generation;
  const Exits before = pool.exits(1);
  std::optional<std::string> result;
  try {
    pool.reload([&](const Signal& signal) {
      if (const auto text = event_text(signal); text && is_progress(signal)) context.screen().remark(*text);
      if (auto told = result_of(signal)) result = std::move(told);
    });
  } catch (const ExitError& error) {
    if (error.exit_code() != exit_code::failure) throw;
    const std::string words = words_of_failed_worker(pool, before, generation);
    throw ExitError(exit_code::failure, error.what() + (words.empty() ? "" : '\n' + words.substr(0, words.size() - 1)));
  }
  return result ? *result : pool.snapshot().last_reload.message;
}

}  // namespace

int run_reload(Context& context) {
  const auto tell = [&](bool ok, const std::string& message) {
    if (context.json()) context.screen().show(Json{{"ok", ok}, {"message", message}});
  };
  try {
    const std::string result = reload(context);
    context.screen().remark("reload done: " + result);
    tell(true, result);
  } catch (const ExitError& error) {
    tell(false, error.what());
    throw;
  }
  return exit_code::ok;
}

}  // namespace preforkd::ctl
