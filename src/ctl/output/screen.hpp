// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "ctl/command/command_line.hpp"
#include "ctl/output/style.hpp"
#include "pools/bus/json.hpp"

namespace preforkd::ctl {

// Standard output and error: a terminal, or something else.
class Screen {
 public:
  // Checks the terminal, NO_COLOR, TERM and the locale.
  explicit Screen(const Options& options);

  [[nodiscard]] const Style& style() const noexcept { return style_; }

  // Prints, through the pager if it is longer than the terminal. Throws ExitError if that fails, for instance because
  // the disk is full.
  void show(const std::string& text) const;
  // A JSON value and a line feed, in the mode of the options.
  void show(const Json& value) const;
  // At once, never through a pager.
  void print(std::string_view text) const;

  // A line on standard error: progress, or a remark. Not with --quiet.
  void remark(const std::string& line) const;

 private:
  bool terminal_;
  bool pager_;
  bool quiet_;
  JsonMode json_;
  Style style_;
};

// Reports an error on standard error, also with --quiet.
void complain(std::string_view text);

// With all but ASCII escaped, for any terminal.
[[nodiscard]] std::string json_text(const Json& value, JsonMode mode);

}  // namespace preforkd::ctl
