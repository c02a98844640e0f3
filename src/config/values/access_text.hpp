// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace preforkd {

// The user that this process is now: its name, or "uid 4711".
[[nodiscard]] std::string own_user();

// errno_text(), and for EACCES the user that was refused: a pool is seldom of the user who looks at its files.
[[nodiscard]] std::string access_text(int error);

}  // namespace preforkd
