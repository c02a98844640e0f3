// SPDX-License-Identifier: MIT
#include "client/bench/request_pattern.hpp"

#include <algorithm>

namespace preforkd::client {
namespace {

constexpr std::string_view prefix = "received: ";
constexpr std::size_t max_digits = 16;
constexpr unsigned sequence_bits = 44;  // the other bits of the 64 are the connection's number

}  // namespace

RequestPattern::RequestPattern(std::size_t size)
    : reply_(std::string(prefix) + std::string(size, '.') + "\n"), digits_(std::min(size, max_digits)) {
  for (std::size_t i = max_digits; i < size; ++i) reply_[prefix.size() + i] = static_cast<char>('a' + i % 26);
}

void RequestPattern::append_request(std::string& out, std::uint32_t connection, std::uint64_t sequence) {
  number(connection, sequence);
  out.append(reply_, prefix.size());
}

std::size_t RequestPattern::mismatch(std::uint32_t connection, std::uint64_t sequence, std::size_t offset,
                                     std::string_view bytes) {
  number(connection, sequence);
  const std::string_view expected = std::string_view(reply_).substr(offset, bytes.size());
  if (bytes == expected) return bytes.size();
  const auto [found, wanted] = std::mismatch(bytes.begin(), bytes.end(), expected.begin());
  return static_cast<std::size_t>(found - bytes.begin());
}

void RequestPattern::number(std::uint32_t connection, std::uint64_t sequence) noexcept {
  static constexpr char hex[] = "0123456789abcdef";
  std::uint64_t value =
      std::uint64_t{connection} << sequence_bits | (sequence & ((std::uint64_t{1} << sequence_bits) - 1));
  for (std::size_t i = digits_; i > 0; --i, value >>= 4) reply_[prefix.size() + i - 1] = hex[value & 15];
}

}  // namespace preforkd::client
