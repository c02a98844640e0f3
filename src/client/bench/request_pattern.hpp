// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace preforkd::client {

// The benchmark's requests and their expected replies, byte for byte. A request is a line that begins with the numbers
// of the connection and the request, so that a reply to another request or connection is recognised (as far as `size`
// has room for the 16 digits).
class RequestPattern {
 public:
  // `size`: bytes of a line without its newline, at least 1.
  explicit RequestPattern(std::size_t size);

  void append_request(std::string& out, std::uint32_t connection, std::uint64_t sequence);

  // The offset in `bytes`, the reply's bytes from `offset` on, of the first wrong byte; bytes.size() if all are right.
  // offset + bytes.size() is at most reply_size().
  [[nodiscard]] std::size_t mismatch(std::uint32_t connection, std::uint64_t sequence, std::size_t offset,
                                     std::string_view bytes);

  [[nodiscard]] std::size_t reply_size() const noexcept { return reply_.size(); }

 private:
  void number(std::uint32_t connection, std::uint64_t sequence) noexcept;

  std::string reply_;   // a whole reply; its digits are rewritten for each request
  std::size_t digits_;  // how many of the 16 digits fit
};

}  // namespace preforkd::client
