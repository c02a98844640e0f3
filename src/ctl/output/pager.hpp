// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace preforkd::ctl {

// The commands to try, first to last: that of $SYSTEMD_PAGER or else of $PAGER, split at blanks; if neither is set less
// and more. None if the variable is empty or "cat".
[[nodiscard]] std::vector<std::vector<std::string>> pager_commands();

// Shows `text` in the first pager that can be executed and waits until its user has left it. False if there is none.
[[nodiscard]] bool page(const std::string& text);

}  // namespace preforkd::ctl
