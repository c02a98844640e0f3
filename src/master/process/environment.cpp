// SPDX-License-Identifier: MIT
#include "master/process/environment.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace preforkd {
namespace {

// Variables by which systemd describes a service to its main process (systemd.exec(5), sd_notify(3)): wrong or
// dangerous in a worker, whose master speaks to systemd for it. Variables that name shared things (INVOCATION_ID,
// STATE_DIRECTORY, CREDENTIALS_DIRECTORY, …) are passed on.
constexpr std::array<std::string_view, 9> of_master_only = {
    "NOTIFY_SOCKET", "MAINPID",          "MANAGERPID",  "MANAGERPIDFDID", "FDSTORE",
    "FDNAME",        "SYSTEMD_EXEC_PID", "REMOTE_ADDR", "REMOTE_PORT",
};

bool is_of_master_only(std::string_view name) noexcept {
  return worker_env::is_contract_variable(name) || name.starts_with("LISTEN_") || name.starts_with("WATCHDOG_") ||
         std::find(of_master_only.begin(), of_master_only.end(), name) != of_master_only.end();
}

}  // namespace

Environment inherited_environment(const char* const* environ, bool keep_journal_stream) {
  Environment inherited;
  for (; environ != nullptr && *environ != nullptr; ++environ) {
    const std::string_view entry = *environ;
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    const std::string_view name = entry.substr(0, equals);
    if (is_of_master_only(name) || (name == "JOURNAL_STREAM" && !keep_journal_stream)) continue;
    inherited.emplace(name, entry.substr(equals + 1));
  }
  return inherited;
}

std::vector<std::string> worker_environment(Environment inherited, const PoolConfig& config,
                                            const Environment& from_files, const worker_env::Contract& contract) {
  Environment& merged = inherited;
  for (const auto& [name, value] : config.environment) merged.insert_or_assign(name, value);
  for (const auto& [name, value] : from_files) merged.insert_or_assign(name, value);

  std::vector<std::string> strings;
  for (const auto& [name, value] : merged) {
    // Also removes those that `inherited` may still have: with two entries of one name, the worker's libc would decide
    // which one counts.
    if (!worker_env::is_contract_variable(name)) strings.push_back(name + '=' + value);
  }
  for (std::string& variable : worker_env::encode(contract)) strings.push_back(std::move(variable));
  return strings;
}

}  // namespace preforkd
