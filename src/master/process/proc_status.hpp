// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

namespace preforkd {

// The `index`-th number, from 0, after "NAME:" in /proc/PID/status. nullopt if there is none, or if it cannot be read.
[[nodiscard]] std::optional<long> proc_status_number(pid_t pid, std::string_view name, unsigned index = 0) noexcept;

}  // namespace preforkd
