// SPDX-License-Identifier: MIT
#include <prefork/framing.hpp>

#include <stdexcept>
#include <string>
#include <utility>

#include "worker/connection/framing_values.hpp"

namespace prefork {
inline namespace v0 {

using internal::FramingValues;

namespace {

void check_width(const char* function, unsigned width) {
  if (width >= 1 && width <= 8) return;
  throw std::invalid_argument(std::string("Framing::") + function + ": " + std::to_string(width) +
                              " bytes: must be from 1 to 8");
}

}  // namespace

Framing Framing::lines() {
  return Framing(std::make_shared<const Impl>(Impl{{.kind = FramingValues::Kind::lines, .delimiter = "\n"}}));
}

Framing Framing::delimiter(std::string_view delimiter) {
  if (delimiter.empty() || delimiter.size() > FramingValues::max_delimiter) {
    throw std::invalid_argument("Framing::delimiter: " + std::to_string(delimiter.size()) +
                                " bytes: must be from 1 to 16");
  }
  return Framing(std::make_shared<const Impl>(
      Impl{{.kind = FramingValues::Kind::delimiter, .delimiter = std::string(delimiter)}}));
}

Framing Framing::length_prefix(unsigned width, Endian endian) {
  check_width("length_prefix", width);
  return Framing(std::make_shared<const Impl>(
      Impl{{.kind = FramingValues::Kind::length_prefix, .endian = endian, .width = width}}));
}

Framing Framing::varint_prefix() {
  return Framing(std::make_shared<const Impl>(Impl{{.kind = FramingValues::Kind::varint_prefix}}));
}

Framing Framing::length_field(unsigned offset, unsigned width, Endian endian, int adjustment) {
  check_width("length_field", width);
  if (offset > FramingValues::max_offset) {
    throw std::invalid_argument("Framing::length_field: offset " + std::to_string(offset) + ": must be at most 1024");
  }
  return Framing(std::make_shared<const Impl>(Impl{{.kind = FramingValues::Kind::length_field,
                                                    .endian = endian,
                                                    .width = width,
                                                    .offset = offset,
                                                    .adjustment = adjustment}}));
}

Framing Framing::custom(std::function<Frame(std::string_view)> next) {
  if (!next) throw std::invalid_argument("Framing::custom: the function is empty");
  return Framing(std::make_shared<const Impl>(Impl{{.kind = FramingValues::Kind::custom, .custom = std::move(next)}}));
}

Framing Framing::raw() { return Framing(std::make_shared<const Impl>()); }

}  // namespace v0
}  // namespace prefork
