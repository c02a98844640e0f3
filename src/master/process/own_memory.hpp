// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace preforkd {

// Bytes of RAM of the process alone: resident, without the pages of files and shared memory, which a pool's workers
// share. A leak makes it grow. nullopt if /proc does not show it.
[[nodiscard]] std::optional<std::uint64_t> own_memory(pid_t pid) noexcept;

}  // namespace preforkd
