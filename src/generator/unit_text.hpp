// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace preforkd {

// The text of a unit file or drop-in (systemd.syntax(7)). Values stay in their line and contain no specifiers.
class UnitText {
 public:
  explicit UnitText(const std::string& comment) : text_("# " + one_line(comment) + '\n') {}

  void section(std::string_view name) { text_.append("\n[").append(name).append("]\n"); }
  void set(std::string_view key, std::string_view value) {
    text_.append(key).append("=").append(one_line(value)).append("\n");
  }

  // An absolute path as one entry of a list, which systemd skips if the path does not exist.
  [[nodiscard]] static std::string optional_path(std::string_view path);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  [[nodiscard]] static std::string one_line(std::string_view value);

  std::string text_;
};

}  // namespace preforkd
