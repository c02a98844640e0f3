// SPDX-License-Identifier: MIT
#include "worker/connection/framer.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace prefork::internal {

namespace {

std::size_t overhead_of(const Framing& framing) noexcept {
  switch (framing.kind()) {
    case Framing::Kind::lines:
      return 2;
    case Framing::Kind::delimiter:
      return framing.delimiter_bytes().size();
    case Framing::Kind::length_prefix:
      return framing.prefix_width();
    case Framing::Kind::raw:
      break;
  }
  return 0;
}

std::size_t max_bytes_of(const Framing& framing) noexcept {
  constexpr std::size_t max = std::numeric_limits<std::size_t>::max();
  const bool limited = framing.kind() == Framing::Kind::length_prefix && framing.prefix_width() < sizeof max;
  return limited ? (std::size_t{1} << (8 * framing.prefix_width())) - 1 : max;
}

}  // namespace

Framer::Framer(const Framing& framing, std::size_t max_message) noexcept
    : framing_(framing),
      max_message_(std::clamp<std::size_t>(max_message, 1, max_message_limit)),
      overhead_(overhead_of(framing)),
      max_bytes_(max_bytes_of(framing)) {}

Cut Framer::next(std::string_view input, std::uint32_t& scanned, std::size_t& consumed,
                 std::string_view& message) const noexcept {
  switch (framing_.kind()) {
    case Framing::Kind::lines:
      return next_line(input, scanned, consumed, message);
    case Framing::Kind::delimiter:
      return next_delimited(input, scanned, consumed, message);
    case Framing::Kind::length_prefix:
      return next_prefixed(input, consumed, message);
    case Framing::Kind::raw:
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
  const std::string_view delimiter = framing_.delimiter_bytes();
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

Cut Framer::next_prefixed(std::string_view input, std::size_t& consumed, std::string_view& message) const noexcept {
  const std::size_t width = framing_.prefix_width();
  if (input.size() < width) return Cut::need_more;
  const std::uint64_t length = read_length(input);
  if (length > max_message_) return Cut::too_long;
  const auto size = static_cast<std::size_t>(length);
  if (input.size() - width < size) return Cut::need_more;
  consumed = width + size;
  message = input.substr(width, size);
  return Cut::message;
}

Cut Framer::next_raw(std::string_view input, std::size_t& consumed, std::string_view& message) const noexcept {
  if (input.empty()) return Cut::need_more;
  message = input.substr(0, max_message_);
  consumed = message.size();
  return Cut::message;
}

std::uint64_t Framer::read_length(std::string_view input) const noexcept {
  const std::size_t width = framing_.prefix_width();
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t at = framing_.endian() == Endian::big ? i : width - 1 - i;
    length = length << 8U | static_cast<std::uint8_t>(input[at]);
  }
  return length;
}

char* Framer::put_length(std::size_t size, char* out) const noexcept {
  const std::size_t width = framing_.prefix_width();
  std::uint64_t rest = size;
  for (std::size_t i = 0; i < width; ++i) {
    out[framing_.endian() == Endian::little ? i : width - 1 - i] = static_cast<char>(rest & 0xFFU);
    rest >>= 8U;
  }
  return out + width;
}

char* Framer::put(std::initializer_list<std::string_view> parts, std::size_t size, char* out) const noexcept {
  if (framing_.kind() == Framing::Kind::length_prefix) {
    out = put_length(size, out);
    for (const std::string_view part : parts) out = std::copy(part.begin(), part.end(), out);
    return out;
  }
  for (const std::string_view part : parts) out = std::copy(part.begin(), part.end(), out);
  const std::string_view end = framing_.delimiter_bytes();
  if (end.size() == 1) {  // usually "\n": a store instead of a call
    *out = end.front();
    return out + 1;
  }
  return std::copy(end.begin(), end.end(), out);
}

}  // namespace prefork::internal
