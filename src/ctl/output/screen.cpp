// SPDX-License-Identifier: MIT
#include "ctl/output/screen.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/errors.hpp"
#include "ctl/output/pager.hpp"
#include "ctl/output/printable.hpp"
#include "ctl/output/terminal.hpp"

namespace preforkd::ctl {
namespace {

bool set_in_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

Screen::Screen(const Options& options)
    : terminal_(::isatty(STDOUT_FILENO) == 1),
      pager_(options.pager && terminal_),
      quiet_(options.quiet),
      json_(options.json) {
  style_.colour = terminal_ && !set_in_environment("NO_COLOR") && !dumb_terminal();
  style_.unicode = utf8_terminal();
  if (terminal_ && !options.full) style_.columns = terminal_size().columns;
}

void Screen::show(const std::string& text) const {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  if (pager_ && lines >= terminal_size().lines && page(text)) return;
  print(text);
}

void Screen::show(const Json& value) const { show(json_text(value, json_) + '\n'); }

void Screen::print(std::string_view text) const {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw ExitError(exit_code::failure, "cannot write: standard output: " + errno_text(errno));
  }
}

void Screen::remark(const std::string& line) const {
  if (!quiet_) std::fprintf(stderr, "%s\n", printable_lines(line).c_str());
}

void complain(std::string_view text) { std::fprintf(stderr, "preforkctl: %s\n", printable_lines(text).c_str()); }

std::string json_text(const Json& value, JsonMode mode) {
  return value.dump(mode == JsonMode::pretty ? 2 : -1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace preforkd::ctl
