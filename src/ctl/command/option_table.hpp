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
};

struct OptionRow {
  OptionCode code;
  const char* name;       // long; the short one is the code, if that is a character
  const char* value;      // what --help calls it; nullptr: takes none
  std::string_view verb;  // the only one that takes it; empty: all
  std::string_view help;  // in as many lines as it needs
};

// In the order of --help.
[[nodiscard]] std::span<const OptionRow> option_rows();

// 0 where there is none.
[[nodiscard]] char short_name(const OptionRow& row);

}  // namespace preforkd::ctl
