// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace preforkd::ctl {

// Pagers let their user start a shell, which is more than whoever allows somebody "sudo preforkctl status" has in mind.
enum class PagerTrust {
  full,      // it may start what it likes
  confined,  // it is told not to ($LESSSECURE), by a user who says that it understands that
  none,      // so is it, and only less is known to understand: others are not started
};

// As systemd's own tools decide: `setting`, $SYSTEMD_PAGERSECURE or null, is a boolean; without it a pager is trusted
// if who runs this is who logged in. Neither su nor sudo changes that; nothing where nobody did.
[[nodiscard]] PagerTrust pager_trust(const char* setting, std::optional<uid_t> logged_in, uid_t runs);
// That of this process.
[[nodiscard]] PagerTrust pager_trust();

// The commands to try, first to last: that of $SYSTEMD_PAGER or else of $PAGER, split at blanks; if neither is set less
// and more. None if the variable is empty or "cat".
[[nodiscard]] std::vector<std::vector<std::string>> pager_commands(PagerTrust trust);

}  // namespace preforkd::ctl
