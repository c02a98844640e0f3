// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace preforkd::ctl {

enum class Colour { plain, bold, grey, red, green, yellow, underlined };

// How to write for a terminal or a file.
struct Style {
  bool colour = false;
  bool unicode = true;      // else ASCII for dots, trees and marks
  std::size_t columns = 0;  // of a line; 0: as many as it needs

  [[nodiscard]] std::string paint(Colour colour_of_text, std::string_view text) const;
  [[nodiscard]] std::string_view dot() const { return unicode ? "●" : "*"; }
  [[nodiscard]] std::string_view branch() const { return unicode ? "├─" : "|-"; }
  [[nodiscard]] std::string_view last_branch() const { return unicode ? "└─" : "`-"; }
  [[nodiscard]] std::string_view cut_mark() const { return unicode ? "…" : "~"; }
};

// The colour of a pool's or a worker's state.
[[nodiscard]] Colour state_colour(std::string_view state);

}  // namespace preforkd::ctl
