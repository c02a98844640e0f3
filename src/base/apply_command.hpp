// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace preforkd {

// The command that brings a pool's units up to date with its config.
[[nodiscard]] inline std::string apply_command(const std::string& pool) { return "preforkctl apply " + pool; }

}  // namespace preforkd
