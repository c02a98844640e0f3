// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <prefork/export.hpp>

namespace prefork {
inline namespace v0 {

enum class Endian : std::uint8_t { big, little };

// How a byte stream is split into messages, and what Connection::send() adds to one. A value; cheap to copy.
class PREFORK_EXPORT Framing {
 public:
  // A message ends at '\n', which is not part of it; one '\r' before it is dropped. send() adds '\n'.
  [[nodiscard]] static Framing lines() noexcept;
  // A message ends at `delimiter` (1…16 bytes, not part of the message). send() adds it.
  // Throws std::invalid_argument for another length.
  [[nodiscard]] static Framing delimiter(std::string_view delimiter);
  // A message is preceded by its length in bytes, an unsigned integer of `width` 1, 2, 4 or 8 bytes that does not count
  // itself. send() adds it. Throws std::invalid_argument for another width.
  [[nodiscard]] static Framing length_prefix(unsigned width, Endian endian = Endian::big);
  // Every read is a message, of 1 byte up to the read's size. send() adds nothing.
  [[nodiscard]] static Framing raw() noexcept;

  enum class Kind : std::uint8_t { lines, delimiter, length_prefix, raw };
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] std::string_view delimiter_bytes() const noexcept { return {delimiter_, size_}; }
  [[nodiscard]] unsigned prefix_width() const noexcept { return size_; }
  [[nodiscard]] Endian endian() const noexcept { return endian_; }

 private:
  Kind kind_ = Kind::raw;
  Endian endian_ = Endian::big;
  std::uint8_t size_ = 0;
  char delimiter_[16] = {};
};

}  // namespace v0
}  // namespace prefork
