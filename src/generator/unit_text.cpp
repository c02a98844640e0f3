// SPDX-License-Identifier: MIT
#include "generator/unit_text.hpp"

namespace preforkd {

std::string UnitText::optional_path(std::string_view path) {
  std::string quoted = "\"-";
  for (const char c : path) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string UnitText::one_line(std::string_view value) {
  std::string line;
  for (const char c : value) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      line += ' ';
    } else if (c == '%') {
      line += "%%";
    } else {
      line += c;
    }
  }
  // A backslash at its end would join the next line to this one.
  while (!line.empty() && line.back() == '\\') line.pop_back();
  return line;
}

}  // namespace preforkd
