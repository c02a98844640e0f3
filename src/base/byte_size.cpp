// SPDX-License-Identifier: MIT
#include "base/byte_size.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/decimal.hpp"
#include "base/escape.hpp"

namespace preforkd {
namespace {

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};

constexpr auto size_units =
    std::to_array<SizeUnit>({{"T", 1ULL << 40}, {"G", 1ULL << 30}, {"M", 1ULL << 20}, {"K", 1ULL << 10}, {"B", 1}});

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

}  // namespace

Result<std::uint64_t> parse_byte_size(std::string_view text) {
  text = trim(text);
  if (text.empty()) return Failure("is empty; write a size such as 64K");
  std::string_view rest = text;
  const Result<Decimal> number = take_decimal(rest);
  if (!number) return Failure(escape_bytes(text) + " " + number.error().text);
  const std::string written(text.substr(0, text.size() - rest.size()));
  const std::string_view name = trim(rest);
  if (name.empty()) return Failure(written + " has no unit; write " + written + "B, " + written + "K, …");
  const auto* unit =
      std::find_if(size_units.begin(), size_units.end(), [&](const SizeUnit& u) { return u.name == name; });
  if (unit == size_units.end())
    return Failure(escape_bytes(name) + " is not a unit of size; the units are B, K, M, G, T");
  const std::optional<Product> size = multiply(*number, unit->bytes);
  if (!size) return Failure(written + std::string(name) + " is too large");
  if (unit->bytes == 1 && !size->exact) return Failure(written + "B is not a whole number of bytes");
  return size->value;
}

std::string format_byte_size(std::uint64_t bytes) {
  if (bytes == 0) return "0B";
  const auto* unit =
      std::find_if(size_units.begin(), size_units.end(), [&](const SizeUnit& u) { return bytes % u.bytes == 0; });
  return std::to_string(bytes / unit->bytes).append(unit->name);
}

}  // namespace preforkd
