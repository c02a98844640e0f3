// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace preforkd::ctl {

// A pager lets its user start a shell, which "sudo preforkctl status" is not meant to allow.
enum class PagerTrust {
  full,      // it may start programs
  confined,  // $LESSSECURE asks it not to; the user vouches that their pager obeys
  none,      // the same, and only less is started, which is known to obey
};

// As systemd's own tools decide: `setting`, $SYSTEMD_PAGERSECURE or null, is a boolean. Without it a pager is trusted
// if the user that runs this is the one who logged in, which neither su nor sudo changes.
[[nodiscard]] PagerTrust pager_trust(const char* setting, std::optional<uid_t> logged_in, uid_t runs);
// Of this process.
[[nodiscard]] PagerTrust pager_trust();

// The commands to try, first to last: that of $SYSTEMD_PAGER or else of $PAGER, split at blanks; less and more if
// neither is set. Empty if the variable is empty or "cat".
[[nodiscard]] std::vector<std::vector<std::string>> pager_commands(PagerTrust trust);

// Shows `text` in the first pager that can be executed and waits until its user has left it. False if there is none.
[[nodiscard]] bool page(const std::string& text);

}  // namespace preforkd::ctl
