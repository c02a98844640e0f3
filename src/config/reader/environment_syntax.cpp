// SPDX-License-Identifier: MIT
#include "config/reader/environment_syntax.hpp"

#include <algorithm>
#include <optional>

#include "base/escape.hpp"
#include "config/values/environment_variable.hpp"

namespace preforkd {
namespace {

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }

// Reads the text once; each function leaves it after the part that it has read.
class FileReader {
 public:
  explicit FileReader(std::string_view text) : text_(text) {}

  Result<std::vector<std::pair<std::string, std::string>>> read() {
    while (at_ < text_.size()) {
      if (auto reason = read_line()) return Failure(std::move(*reason));
    }
    return std::move(variables_);
  }

 private:
  using Reason = std::optional<std::string>;

  [[nodiscard]] bool at_end() const noexcept { return at_ >= text_.size(); }
  [[nodiscard]] char here() const noexcept { return text_[at_]; }

  char next() noexcept {
    if (here() == '\n') ++line_;
    return text_[at_++];
  }

  void skip_blanks() noexcept {
    while (!at_end() && is_blank(here())) next();
  }

  void skip_line() noexcept {
    while (!at_end() && next() != '\n') {
    }
  }

  static std::string at_line(std::size_t line, const std::string& reason) {
    return "line " + std::to_string(line) + ": " + reason;
  }

  Reason read_line() {
    skip_blanks();
    if (at_end()) return std::nullopt;
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    const std::size_t equals = text_.substr(0, end).find('=', at_);
    if (here() == '#' || here() == ';' || equals == std::string_view::npos) {
      skip_line();
      return std::nullopt;
    }
    std::string_view name = text_.substr(at_, equals - at_);
    while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
    if (auto reason = check_name(name)) return at_line(line_, *reason);
    at_ = equals + 1;
    std::string value;
    const std::size_t begun = line_;
    if (auto reason = read_value(value)) return at_line(begun, *reason);
    if (value.find('\0') != std::string::npos) return at_line(begun, "the value contains a NUL byte");
    variables_.emplace_back(name, std::move(value));
    return std::nullopt;
  }

  static Reason check_name(std::string_view name) {
    if (is_environment_name(name)) return std::nullopt;
    if (name.starts_with("export ")) return "leave out \"export\"; this is not a shell script";
    return in_quotes(name) + " is not a valid name of an environment variable";
  }

  // Quotes count only before a value has begun, or after another quoted part; after any other character they are text.
  Reason read_value(std::string& out) {
    for (;;) {
      skip_blanks();
      if (at_end()) return std::nullopt;
      const char first = here();
      if (first != '"' && first != '\'') break;
      next();
      if (!(first == '"' ? read_double_quoted(out) : read_single_quoted(out))) return "the quote is never closed";
    }
    read_unquoted(out);
    return std::nullopt;
  }

  bool read_single_quoted(std::string& out) {
    while (!at_end()) {
      const char c = next();
      if (c == '\'') return true;
      out += c;
    }
    return false;
  }

  bool read_double_quoted(std::string& out) {
    while (!at_end()) {
      const char c = next();
      if (c == '"') return true;
      if (c != '\\' || at_end()) {
        out += c;
        continue;
      }
      const char escaped = next();
      if (escaped == '\n') continue;
      if (std::string_view("\"\\`$").find(escaped) == std::string_view::npos) out += '\\';
      out += escaped;
    }
    return false;
  }

  void read_unquoted(std::string& out) {
    std::size_t keep = out.size();  // unescaped blanks after this length are cut off
    while (!at_end()) {
      const char c = next();
      if (c == '\n') break;
      if (c == '\\') {
        if (at_end()) break;
        const char escaped = next();
        if (escaped == '\n') continue;
        out += escaped;
        keep = out.size();
        continue;
      }
      out += c;
      if (!is_blank(c)) keep = out.size();
    }
    out.resize(keep);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::vector<std::pair<std::string, std::string>> variables_;
};

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> parse_environment_file(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF"))
    return Failure("line 1: begins with a byte order mark; save the file without it");
  return FileReader(text).read();
}

}  // namespace preforkd
