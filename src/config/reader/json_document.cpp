// SPDX-License-Identifier: MIT
#include "config/reader/json_document.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "base/escape.hpp"

namespace preforkd {
namespace {

using Json = nlohmann::json;

// Feeds bytes to the JSON library and counts them, because the library reports a position only with a syntax error.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, std::size_t* count) : at_(at), count_(count) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*count_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  std::size_t* count_;
};

JsonError error_at(std::string_view text, std::size_t offset, std::string reason) {
  JsonError error{1, 1, std::move(reason)};
  for (const char c : text.substr(0, offset)) {
    if (c == '\n') {
      ++error.line;
      error.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) {
      ++error.column;
    }
  }
  return error;
}

bool is_word(char c) noexcept {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '+' || c == '-' || c == '.';
}

// Offset of the '"' that opens the string whose closing '"' is at `closing`.
std::size_t string_start(std::string_view text, std::size_t closing) noexcept {
  for (std::size_t at = closing; at-- > 0;) {
    if (text[at] == '\n') break;
    if (text[at] != '"') continue;
    std::size_t backslashes = 0;
    while (backslashes < at && text[at - backslashes - 1] == '\\') ++backslashes;
    if (backslashes % 2 == 0) return at;
  }
  return closing;
}

// Where a user sees the mistake, if the library gave up after `read` bytes: the start of the word or string that it
// could not use.
std::size_t mistake_start(std::string_view text, std::size_t read, std::string_view detail) noexcept {
  if (read == 0 || read > text.size()) return text.size();
  std::size_t at = read - 1;
  if (detail.starts_with("unexpected string literal")) return string_start(text, at);
  if (detail.starts_with("invalid literal") && at > 0 && !is_word(text[at]) && is_word(text[at - 1])) --at;
  if (detail.starts_with("invalid string")) return at;
  while (at > 0 && is_word(text[at]) && is_word(text[at - 1])) --at;
  return at;
}

std::string missing_at_end(std::string_view context) {
  if (context == "object key" || context == "object") return "the text ends inside an object: a '}' is missing";
  if (context == "array") return "the text ends inside an array: a ']' is missing";
  return "the text ends where a value is expected";
}

struct LibraryMessage {
  std::string_view context;  // "object key"
  std::string_view detail;   // "unexpected '}'; expected string literal"
};

// Cuts "[json.exception.parse_error.101] parse error at line 1, column 8: syntax error while parsing CONTEXT - DETAIL".
LibraryMessage cut_message(std::string_view what) noexcept {
  constexpr std::string_view before_context = "while parsing ";
  if (const auto begin = what.find(before_context); begin != std::string_view::npos) {
    what.remove_prefix(begin + before_context.size());
    if (const auto dash = what.find(" - "); dash != std::string_view::npos) {
      return {what.substr(0, dash), what.substr(dash + 3)};
    }
  }
  if (const auto bracket = what.find("] "); bracket != std::string_view::npos) what.remove_prefix(bracket + 2);
  return {{}, what};
}

bool has(std::string_view text, std::string_view part) noexcept { return text.find(part) != std::string_view::npos; }

// Turns the library's description of its state into what the user has to look for.
std::string explain(const LibraryMessage& message) {
  const auto& [context, detail] = message;
  if (has(detail, "unexpected end of input") || has(detail, "empty input")) return missing_at_end(context);
  if (has(detail, "missing closing quote") || has(detail, "U+000A"))
    return "a string must end on the line it begins on";
  if (has(detail, "missing closing '*/'")) return "a /* comment is not closed";
  if (has(detail, "after '/'")) return "a lone '/'; a comment begins with // or /*";
  if (has(detail, "end of input")) return "more text after the end of the config's object";
  if (context == "object separator") return "a ':' is missing after the key";
  if (context == "object key") {
    return has(detail, "unexpected '}'") ? "an extra ',' before the '}'" : "a key in double quotes is expected here";
  }
  if (has(detail, "invalid literal")) {
    return "not a JSON value: strings need double quotes; other values are true, false, null and numbers";
  }
  if (context == "object") return "a ',' or a '}' is missing here";
  if (context == "array") return "a ',' or a ']' is missing here";
  if (has(detail, "unexpected ']'")) return "an extra ',' before the ']'";
  if (has(detail, "unexpected")) return "a value is missing here";
  std::string_view plain = detail;
  return escape_bytes(plain.substr(0, plain.find("; last read")));
}

// Builds the document and rejects what a plain parse would lose.
class DocumentBuilder final : public Json::json_sax_t {
 public:
  DocumentBuilder(std::string_view text, const std::size_t& read) : text_(text), read_(read) {}

  [[nodiscard]] tl::expected<Json, JsonError> take() && {
    if (error_) return tl::unexpected(std::move(*error_));
    return std::move(root_);
  }

  bool null() override { return add(Json(nullptr)); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(Json::number_integer_t value) override { return add(Json(value)); }
  bool number_unsigned(Json::number_unsigned_t value) override { return add(Json(value)); }
  bool number_float(Json::number_float_t value, const std::string& written) override {
    if (written.find_first_of(".eE") != std::string::npos) return add(Json(value));
    return fail(mistake_start(text_, end_of_value(), ""), escape_bytes(written, 40) + " does not fit 64 bits");
  }
  bool string(std::string& value) override { return add(Json(std::move(value))); }
  bool binary(Json::binary_t& value) override { return add(Json(std::move(value))); }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    key_ = std::move(name);
    if (!open_.back()->contains(key_)) return true;
    const std::size_t closing = read_ > 0 ? read_ - 1 : 0;
    return fail(string_start(text_, closing), "the key " + in_quotes(key_) + " appears twice in one object");
  }

  bool parse_error(std::size_t read, const std::string&, const nlohmann::detail::exception& error) override {
    const LibraryMessage message = cut_message(error.what());
    return fail(mistake_start(text_, read, message.detail), explain(message));
  }

 private:
  bool fail(std::size_t offset, std::string reason) {
    if (!error_) error_ = error_at(text_, offset, std::move(reason));
    return false;
  }

  // A number ends at the first byte that is not part of it, which has been read, too.
  [[nodiscard]] std::size_t end_of_value() const noexcept {
    std::size_t end = std::min(read_, text_.size());
    while (end > 0 && !is_word(text_[end - 1])) --end;
    return end;
  }

  Json* place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }

  bool add(Json value) {
    place(std::move(value));
    return true;
  }

  bool open(Json value) {
    if (open_.size() >= max_json_depth) {
      return fail(read_ > 0 ? read_ - 1 : 0,
                  "nested deeper than " + std::to_string(max_json_depth) + " levels, the limit");
    }
    open_.push_back(place(std::move(value)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  const std::size_t& read_;
  Json root_;
  std::vector<Json*> open_;
  std::string key_;
  std::optional<JsonError> error_;
};

}  // namespace

tl::expected<Json, JsonError> parse_json_document(std::string_view text) {
  std::size_t read = 0;
  DocumentBuilder builder(text, read);
  const char* const begin = text.data();
  constexpr bool whole_text = true;
  constexpr bool comments = true;
  Json::sax_parse(CountingIterator(begin, &read), CountingIterator(begin + text.size(), &read), &builder,
                  Json::input_format_t::json, whole_text, comments);
  return std::move(builder).take();
}

}  // namespace preforkd
