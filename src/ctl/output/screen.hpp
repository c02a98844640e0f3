// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "ctl/base/json.hpp"
#include "ctl/command/command_line.hpp"
#include "ctl/output/style.hpp"

namespace preforkd::ctl {

// Standard output and error, as what they are: a terminal, or something else.
class Screen {
 public:
  // Looks at the terminal and at NO_COLOR, TERM and the locale.
  explicit Screen(const Options& options);

  [[nodiscard]] const Style& style() const noexcept { return style_; }

  // Prints; throws ExitError if that fails, for instance because the disk is full. What is longer than the terminal
  // goes through the pager.
  void show(const std::string& text) const;
  // A JSON value with its line's end, in the mode that the options ask for.
  void show(const Json& value) const;
  // At once, never through a pager.
  void print(std::string_view text) const;

  // A line on standard error: what goes on, or a remark. Nothing with --quiet.
  void remark(const std::string& line) const;

 private:
  bool terminal_;
  bool pager_;
  bool quiet_;
  JsonMode json_;
  Style style_;
};

// What has failed, on standard error, also with --quiet.
void complain(std::string_view text);

// With all but ASCII escaped, so that it is fit for any terminal.
[[nodiscard]] std::string json_text(const Json& value, JsonMode mode);

}  // namespace preforkd::ctl
