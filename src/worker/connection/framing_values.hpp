// SPDX-License-Identifier: MIT
#pragma once

#include <prefork/framing.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace prefork::internal {

// The values behind prefork::Framing, which documents them. Those that a kind does not use are empty.
struct FramingValues {
  static constexpr std::size_t max_delimiter = 16;
  static constexpr unsigned max_offset = 1024;
  enum class Kind : std::uint8_t { raw, lines, delimiter, length_prefix, varint_prefix, length_field, custom };

  Kind kind = Kind::raw;
  Endian endian = Endian::big;
  unsigned width = 0;
  unsigned offset = 0;
  int adjustment = 0;
  std::string delimiter = {};
  std::function<Frame(std::string_view)> custom = {};
};

}  // namespace prefork::internal

namespace prefork {
inline namespace v0 {

class __attribute__((visibility("hidden"))) Framing::Impl {
 public:
  internal::FramingValues values;
};

}  // namespace v0
}  // namespace prefork
