// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace preforkd {

// Bytes of RAM that the process holds for itself: resident, without the pages of files and shared memory, which cost a
// pool's workers only once. This is what a leak makes grow. nullopt if /proc does not tell.
[[nodiscard]] std::optional<std::uint64_t> own_memory(pid_t pid) noexcept;

}  // namespace preforkd
