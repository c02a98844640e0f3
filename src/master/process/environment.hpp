// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "config/values/environment_variable.hpp"
#include "config/values/pool_config.hpp"
#include "wire/worker_env.hpp"

namespace preforkd {

// The variables of `environ` that workers inherit: all but the worker contract's variables and those that systemd means
// for the master only (NOTIFY_SOCKET, LISTEN_PID, MAINPID, …). JOURNAL_STREAM is kept only if stderr is inherited, too.
[[nodiscard]] Environment inherited_environment(const char* const* environ, bool keep_journal_stream);

// A worker's environment as "NAME=value" strings without LISTEN_PID and WATCHDOG_PID: `inherited`, overridden by the
// config's "environment", by `from_files`, and by the contract's own variables, in this order.
[[nodiscard]] std::vector<std::string> worker_environment(Environment inherited, const PoolConfig& config,
                                                          const Environment& from_files,
                                                          const worker_env::Contract& contract);

}  // namespace preforkd
