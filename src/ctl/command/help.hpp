// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace preforkd::ctl {

// What --help prints.
[[nodiscard]] std::string help_text();

}  // namespace preforkd::ctl
