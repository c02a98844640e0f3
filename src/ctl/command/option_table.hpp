// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>

namespace preforkd::ctl {

enum class OptionCode : int {
  help = 'h',
  host = 'H',
  machine = 'M',
  quiet = 'q',
  full = 'l',
  signal = 's',
  follow = 'f',
  property = 'p',
  lines = 'n',
  version = 256,
  system,
  user,
  address,
  root,
  json,
  no_legend,
  no_pager,
  no_ask_password,
  all,
  value,
  format,
  hosts,
  upgrade,
  upgrade_command,
  parallel,
  drain_wait,
  drain_timeout,
  soak,
  dry_run,
  from_start,
};

struct OptionRow {
  OptionCode code;
  const char* name;       // long; the short one is the code, if that is a character
  const char* value;      // its name in --help; nullptr: takes none
  std::string_view verb;  // the only verb that takes it; empty: all
  std::string_view help;  // may have several lines
};

// In the order of --help.
[[nodiscard]] std::span<const OptionRow> option_rows();

// 0 if it has none.
[[nodiscard]] char short_name(const OptionRow& row);

}  // namespace preforkd::ctl
