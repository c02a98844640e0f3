// SPDX-License-Identifier: MIT
#include "ctl/command/help.hpp"

#include <string_view>

#include "ctl/command/option_table.hpp"
#include "ctl/command/verbs.hpp"

namespace preforkd::ctl {
namespace {

// "  LEFT   RIGHT", with RIGHT on a line of its own after a long LEFT.
void add_row(std::string& text, std::string_view left, std::string_view right, std::size_t width) {
  std::string line = "  " + std::string(left);
  const std::size_t column = width + 4;
  if (line.size() + 2 > column) {
    text += line + '\n';
    line.clear();
  }
  line.resize(column, ' ');
  text += line.append(right) + '\n';
}

std::string option_column(const OptionRow& row) {
  const char letter = short_name(row);
  std::string text = letter != '\0' ? std::string{'-', letter, ',', ' '} : "    ";
  text.append("--").append(row.name);
  if (row.value != nullptr) text.append("=").append(row.value);
  return text;
}

}  // namespace

std::string help_text() {
  std::string text =
      "Usage: preforkctl [OPTION...] VERB [ARGUMENT...]\n"
      "Shows and controls the pools of preforkd.\n\nVerbs:\n";
  constexpr std::size_t verb_width = 26;
  for (const Verb& verb : verbs()) {
    add_row(text, std::string(verb.name) + (verb.arguments.empty() ? "" : " ") + std::string(verb.arguments), verb.help,
            verb_width);
  }
  text += "\nOptions:\n";
  for (const OptionRow& row : option_rows()) {
    const std::string only = row.verb.empty() ? "" : std::string(row.verb) + ": ";
    add_row(text, option_column(row), only + std::string(row.help), verb_width);
  }
  return text +
         "\n"
         "Exit status: 0 success; 1 failure; 3 the pool is not running, or status: is degraded, starting or stopping;\n"
         "4 it does not exist; 64 wrong command line; 69 the bus or the pool does not answer; 77 permission denied.\n";
}

}  // namespace preforkd::ctl
