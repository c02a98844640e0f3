// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace preforkd {

// The user that this process runs as: its name, or "uid 4711".
[[nodiscard]] std::string own_user();

// errno_text(), and for EACCES the user that was refused: a pool's user is seldom the one who checks its files.
[[nodiscard]] std::string access_text(int error);

}  // namespace preforkd
