// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace preforkd::client {

// The benchmark's requests and what their replies must be, byte for byte. A request is a line that begins with the
// connection's and the request's number, so that a reply to another request or another connection is told from the
// right one (as far as `size` has room for the 16 digits).
class RequestPattern {
 public:
  // `size`: bytes of a line without its newline, at least 1.
  explicit RequestPattern(std::size_t size);

  void append_request(std::string& out, std::uint32_t connection, std::uint64_t sequence);

  // Where `bytes`, which are the reply's from `offset` on, first differ from what they must be: bytes.size() if
  // nowhere. offset + bytes.size() is at most reply_size().
  [[nodiscard]] std::size_t mismatch(std::uint32_t connection, std::uint64_t sequence, std::size_t offset,
                                     std::string_view bytes);

  [[nodiscard]] std::size_t reply_size() const noexcept { return reply_.size(); }

 private:
  void number(std::uint32_t connection, std::uint64_t sequence) noexcept;

  std::string reply_;   // a whole reply; its digits are rewritten for each request
  std::size_t digits_;  // how many of the 16 digits there is room for
};

}  // namespace preforkd::client
