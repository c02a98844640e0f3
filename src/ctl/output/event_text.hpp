// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pools/bus/bus.hpp"
#include "pools/bus/json.hpp"

namespace preforkd::ctl {

// A signal of a pool as a sentence without a full stop: "worker 3 (pid 4711, generation 2) is ready". nullopt for a
// signal of no interest to users. Printable, one line.
[[nodiscard]] std::optional<std::string> event_text(const Signal& signal);

// The same as an object: "event", "at" (microseconds since 1970: `now`), "pool", and the signal's values.
[[nodiscard]] std::optional<Json> event_json(const Signal& signal, const std::string& pool, std::uint64_t now);

}  // namespace preforkd::ctl
