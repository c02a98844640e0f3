// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace preforkd::ctl {

// Shows `text` in the first pager that can be executed and waits until its user has left it. False if there is none.
[[nodiscard]] bool page(const std::string& text);

}  // namespace preforkd::ctl
