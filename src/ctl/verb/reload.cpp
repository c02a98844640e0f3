// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/errors.hpp"
#include "ctl/command_error.hpp"
#include "ctl/context.hpp"
#include "ctl/last_words.hpp"
#include "ctl/output/event_text.hpp"
#include "ctl/verbs.hpp"

namespace preforkd::ctl {
namespace {

// The last lines of the worker that a reload failed of; empty if it failed of something else.
std::string words_of_failed_worker(PoolClient& pool, std::uint32_t live_generation) {
  for (const ExitRecord& exit : pool.exits()) {
    if (exit.failure && exit.generation > live_generation) return last_words(pool, exit);
  }
  return "";
}

}  // namespace

int run_reload(Context& context) {
  PoolClient pool = context.pool_to_change();
  const std::uint32_t generation = pool.state().generation;
  bool told = false;  // the result
  try {
    pool.reload([&](const Signal& signal) {
      if (const auto text = event_text(signal)) context.screen().remark(*text);
      told = told || signal.member == "ReloadFinished";
    });
  } catch (const CommandError& error) {
    if (error.exit_code() != exit_code::failure) throw;
    if (context.json()) context.screen().show(Json{{"ok", false}, {"message", error.what()}});
    const std::string words = words_of_failed_worker(pool, generation);
    throw CommandError(exit_code::failure,
                       error.what() + (words.empty() ? "" : '\n' + words.substr(0, words.size() - 1)));
  }
  const ReloadState result = pool.state().last_reload;
  // The reply may come before the signal.
  if (!told) context.screen().remark("reload done: " + result.message);
  if (context.json()) {
    context.screen().show(Json{{"ok", result.ok}, {"message", result.message}});
  }
  return exit_code::ok;
}

}  // namespace preforkd::ctl
