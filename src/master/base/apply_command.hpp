// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace preforkd {

// What brings a pool's units up to its config.
[[nodiscard]] inline std::string apply_command(const std::string& pool) { return "preforkctl apply " + pool; }

}  // namespace preforkd
