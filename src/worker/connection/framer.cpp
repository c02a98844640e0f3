// SPDX-License-Identifier: MIT
#include "worker/connection/framer.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

namespace prefork::internal {

namespace {

using Kind = FramingValues::Kind;
constexpr std::size_t max_varint = 10;

std::size_t overhead_of(const FramingValues& framing) noexcept {
  switch (framing.kind) {
    case Kind::lines:
      return 2;
    case Kind::delimiter:
      return framing.delimiter.size();
    case Kind::length_prefix:
      return framing.width;
    case Kind::varint_prefix:
      return max_varint;
    case Kind::length_field:
      return framing.offset + framing.width;
    case Kind::custom:
    case Kind::raw:
      break;
  }
  return 0;
}

std::size_t max_bytes_of(const FramingValues& framing) noexcept {
  constexpr std::size_t max = std::numeric_limits<std::size_t>::max();
  const bool limited = framing.kind == Kind::length_prefix && framing.width < sizeof max;
  return limited ? (std::size_t{1} << (8 * framing.width)) - 1 : max;
}

}  // namespace

Framer::Framer(const Framing& framing, std::size_t max_message) noexcept
    : framing_(framing),
      values_(framing_.impl().values),
      max_message_(std::clamp<std::size_t>(max_message, 1, max_message_limit)),
      overhead_(overhead_of(values_)),
      max_bytes_(max_bytes_of(values_)) {}

Cut Framer::next(std::string_view input, std::uint32_t& scanned, std::size_t& consumed,
                 std::string_view& message) const {
  switch (values_.kind) {
    case Kind::lines:
      return next_line(input, scanned, consumed, message);
    case Kind::delimiter:
      return next_delimited(input, scanned, consumed, message);
    case Kind::length_prefix:
      return next_prefixed(input, consumed, message);
    case Kind::varint_prefix:
      return next_varint(input, consumed, message);
    case Kind::length_field:
      return next_with_field(input, consumed, message);
    case Kind::custom:
      return next_custom(input, scanned, consumed, message);
    case Kind::raw:
      break;
  }
  return next_raw(input, consumed, message);
}

Cut Framer::next_line(std::string_view input, std::uint32_t& scanned, std::size_t& consumed,
                      std::string_view& message) const noexcept {
  const std::size_t window = std::min(input.size(), max_message_ + overhead_);
  const void* const found = std::memchr(input.data() + scanned, '\n', window - scanned);
  if (found == nullptr) {
    scanned = static_cast<std::uint32_t>(window);
    // One byte over the limit may be the '\r' of the line's end.
    const bool fits = window <= max_message_ || (window == max_message_ + 1 && input[max_message_] == '\r');
    return fits ? Cut::need_more : Cut::too_long;
  }
  const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - input.data());
  std::string_view line = input.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.size() > max_message_) return Cut::too_long;
  scanned = 0;
  consumed = end + 1;
  message = line;
  return Cut::message;
}

Cut Framer::next_delimited(std::string_view input, std::uint32_t& scanned, std::size_t& consumed,
                           std::string_view& message) const noexcept {
  const std::string_view delimiter = values_.delimiter;
  const std::size_t max = max_message_ + overhead_;
  const std::size_t window = std::min(input.size(), max);
  const char* const begin = input.data() + scanned;
  const void* const found = delimiter.size() == 1
                                ? std::memchr(begin, delimiter.front(), window - scanned)
                                : ::memmem(begin, window - scanned, delimiter.data(), delimiter.size());
  if (found == nullptr) {
    // The window's last bytes may be the first ones of the delimiter.
    scanned = static_cast<std::uint32_t>(window - std::min(window, delimiter.size() - 1));
    return window < max ? Cut::need_more : Cut::too_long;
  }
  const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - input.data());
  scanned = 0;
  consumed = end + delimiter.size();
  message = input.substr(0, end);
  return Cut::message;
}

// `length` bytes behind a header that is not part of the message.
Cut Framer::next_counted(std::string_view input, std::size_t header, std::uint64_t length, std::size_t& consumed,
                         std::string_view& message) const noexcept {
  if (length > max_message_) return Cut::too_long;
  const auto size = static_cast<std::size_t>(length);
  if (input.size() - header < size) return Cut::need_more;
  consumed = header + size;
  message = input.substr(header, size);
  return Cut::message;
}

Cut Framer::next_prefixed(std::string_view input, std::size_t& consumed, std::string_view& message) const noexcept {
  if (input.size() < values_.width) return Cut::need_more;
  return next_counted(input, values_.width, read_length(input), consumed, message);
}

Cut Framer::next_varint(std::string_view input, std::size_t& consumed, std::string_view& message) const noexcept {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < std::min(input.size(), max_varint); ++i) {
    const auto byte = static_cast<std::uint8_t>(input[i]);
    const std::uint64_t group = byte & 0x7FU;
    if (i == max_varint - 1 && group > 1) return Cut::bad;  // more than 64 bits
    length |= group << (7 * i);
    if ((byte & 0x80U) == 0) return next_counted(input, i + 1, length, consumed, message);
  }
  return input.size() < max_varint ? Cut::need_more : Cut::bad;
}

Cut Framer::next_with_field(std::string_view input, std::size_t& consumed, std::string_view& message) const noexcept {
  const std::size_t header = values_.offset + values_.width;
  if (input.size() < header) return Cut::need_more;
  const std::uint64_t length = read_length(input.substr(values_.offset));
  constexpr std::uint64_t no_overflow = std::uint64_t{1} << 40;
  if (length > no_overflow) return Cut::too_long;
  const std::int64_t whole = static_cast<std::int64_t>(header + length) + values_.adjustment;
  if (whole < static_cast<std::int64_t>(header)) return Cut::bad;
  const auto size = static_cast<std::size_t>(whole);
  if (size > max_message_) return Cut::too_long;
  if (input.size() < size) return Cut::need_more;
  consumed = size;
  message = input.substr(0, size);
  return Cut::message;
}

Cut Framer::next_custom(std::string_view input, std::uint32_t& scanned, std::size_t& consumed,
                        std::string_view& message) const {
  if (input.empty() || input.size() < scanned) return Cut::need_more;
  const Frame frame = values_.custom(input);
  if (frame.kind() == Frame::Kind::bad) return Cut::bad;
  if (frame.kind() == Frame::Kind::incomplete) {
    if (std::max(frame.size(), input.size() + 1) > max_message_) return Cut::too_long;
    scanned = static_cast<std::uint32_t>(frame.size());
    return Cut::need_more;
  }
  if (frame.size() == 0 || frame.size() > input.size() || frame.skip_front() > frame.size() ||
      frame.skip_back() > frame.size() - frame.skip_front()) {
    throw std::logic_error("custom framing: a message of " + std::to_string(frame.size()) + " bytes, " +
                           std::to_string(frame.skip_front()) + " and " + std::to_string(frame.skip_back()) +
                           " of them skipped, in an input of " + std::to_string(input.size()));
  }
  if (frame.size() > max_message_) return Cut::too_long;
  scanned = 0;
  consumed = frame.size();
  message = input.substr(frame.skip_front(), frame.size() - frame.skip_front() - frame.skip_back());
  return Cut::message;
}

Cut Framer::next_raw(std::string_view input, std::size_t& consumed, std::string_view& message) const noexcept {
  if (input.empty()) return Cut::need_more;
  message = input.substr(0, max_message_);
  consumed = message.size();
  return Cut::message;
}

std::uint64_t Framer::read_length(std::string_view input) const noexcept {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < values_.width; ++i) {
    const std::size_t at = values_.endian == Endian::big ? i : values_.width - 1 - i;
    length = length << 8U | static_cast<std::uint8_t>(input[at]);
  }
  return length;
}

char* Framer::put_length(std::size_t size, char* out) const noexcept {
  std::uint64_t rest = size;
  if (values_.kind == Kind::varint_prefix) {
    for (; rest > 0x7FU; rest >>= 7U) *out++ = static_cast<char>((rest & 0x7FU) | 0x80U);
    *out = static_cast<char>(rest);
    return out + 1;
  }
  for (std::size_t i = 0; i < values_.width; ++i) {
    out[values_.endian == Endian::little ? i : values_.width - 1 - i] = static_cast<char>(rest & 0xFFU);
    rest >>= 8U;
  }
  return out + values_.width;
}

char* Framer::put(std::initializer_list<std::string_view> parts, std::size_t size, char* out) const noexcept {
  if (values_.kind == Kind::length_prefix || values_.kind == Kind::varint_prefix) out = put_length(size, out);
  for (const std::string_view part : parts) out = std::copy(part.begin(), part.end(), out);
  const std::string_view end = values_.delimiter;
  if (end.size() == 1) {  // usually "\n": a store instead of a call
    *out = end.front();
    return out + 1;
  }
  return std::copy(end.begin(), end.end(), out);
}

}  // namespace prefork::internal
