// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

namespace preforkd {

// Where a JSON text becomes invalid. Lines and columns count from 1; a column is a character, not a byte.
struct JsonError {
  std::size_t line = 1;
  std::size_t column = 1;
  std::string reason;
};

inline constexpr std::size_t max_json_depth = 32;

// Reads one JSON value with // and /* */ comments. Beyond the syntax it rejects what would be lost silently: a key that
// occurs twice in one object, and integers that do not fit 64 bits; and nesting deeper than max_json_depth.
[[nodiscard]] tl::expected<nlohmann::json, JsonError> parse_json_document(std::string_view text);

}  // namespace preforkd
