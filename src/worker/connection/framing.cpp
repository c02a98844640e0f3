// SPDX-License-Identifier: MIT
#include <prefork/framing.hpp>

#include <stdexcept>
#include <string>

namespace prefork {
inline namespace v0 {

Framing Framing::lines() noexcept {
  Framing framing;
  framing.kind_ = Kind::lines;
  framing.size_ = 1;
  framing.delimiter_[0] = '\n';
  return framing;
}

Framing Framing::delimiter(std::string_view delimiter) {
  Framing framing;
  if (delimiter.empty() || delimiter.size() > sizeof framing.delimiter_) {
    throw std::invalid_argument("Framing::delimiter: " + std::to_string(delimiter.size()) +
                                " bytes: must be from 1 to 16");
  }
  framing.kind_ = Kind::delimiter;
  framing.size_ = static_cast<std::uint8_t>(delimiter.size());
  delimiter.copy(framing.delimiter_, sizeof framing.delimiter_);
  return framing;
}

Framing Framing::length_prefix(unsigned width, Endian endian) {
  if (width != 1 && width != 2 && width != 4 && width != 8) {
    throw std::invalid_argument("Framing::length_prefix: " + std::to_string(width) + " bytes: must be 1, 2, 4 or 8");
  }
  Framing framing;
  framing.kind_ = Kind::length_prefix;
  framing.endian_ = endian;
  framing.size_ = static_cast<std::uint8_t>(width);
  return framing;
}

Framing Framing::raw() noexcept { return {}; }

}  // namespace v0
}  // namespace prefork
