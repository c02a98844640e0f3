// SPDX-License-Identifier: MIT
#include "ctl/output/table.hpp"

#include <algorithm>

#include "ctl/output/printable.hpp"

namespace preforkd::ctl {
namespace {

constexpr std::size_t gap = 2;

std::string padded(const Table::Column& column, const std::string& text, std::size_t width) {
  const std::string blanks(width - std::min(width, display_width(text)), ' ');
  return column.right ? blanks + text : text + blanks;
}

std::string shown(const Table::Cell& cell) { return cell.text.empty() ? "-" : cell.text; }

}  // namespace

std::string Table::text(const Style& style, bool titles) const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (titles) widths[i] = display_width(columns_[i].title);
    for (const auto& row : rows_) widths[i] = std::max(widths[i], display_width(shown(row[i])));
  }

  std::string all;
  const auto add_line = [&](auto cell_of, bool underlined) {
    std::string line;
    std::size_t left = style.columns;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Cell cell = cell_of(i);
      const bool last = i + 1 == columns_.size();
      std::string text =
          last && !columns_[i].right && !underlined ? shown(cell) : padded(columns_[i], shown(cell), widths[i]);
      if (style.columns != 0) {
        text = shorten(text, left, style.cut_mark());
        left -= std::min(left, display_width(text) + gap);
      }
      line += style.paint(cell.colour, text);
      if (last || (style.columns != 0 && left == 0)) break;
      line.append(gap, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    all += line + '\n';
  };

  if (titles) {
    add_line([&](std::size_t i) { return Cell{columns_[i].title, Colour::underlined}; }, style.colour);
  }
  for (const auto& row : rows_) {
    add_line([&](std::size_t i) { return row[i]; }, false);
  }
  return all;
}

}  // namespace preforkd::ctl
