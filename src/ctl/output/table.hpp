// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "ctl/output/style.hpp"

namespace preforkd::ctl {

// Columns as wide as their widest cell, two blanks apart. Lines wider than the style's columns are cut at their end.
class Table {
 public:
  struct Column {
    std::string title;
    bool right = false;  // numbers
  };
  struct Cell {
    std::string text;  // printable, of one line; empty shows as "-"
    Colour colour = Colour::plain;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as there are columns.
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::size_t size() const noexcept { return rows_.size(); }

  // Lines, each with its end; with or without the titles.
  [[nodiscard]] std::string text(const Style& style, bool titles) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace preforkd::ctl
