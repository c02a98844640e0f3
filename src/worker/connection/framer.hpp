// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "worker/connection/framing_values.hpp"

namespace prefork::internal {

// What a connection's input begins with.
enum class Cut : std::uint8_t {
  message,    // a whole message
  need_more,  // nothing, or the beginning of a message
  too_long,   // a message longer than max_message: nothing after it can be read
  bad,        // no message: nothing after it can be read
};

// Cuts a byte stream into messages and wraps messages for the way back. Pure: no system call, no allocation, no state
// except what the connection keeps for it. The same bytes give the same messages, however they arrive (Framing::raw()
// has no messages in this sense).
class Framer {
 public:
  static constexpr std::size_t max_message_limit = std::size_t{1} << 30;

  // Clamps `max_message` to 1…max_message_limit. All framers of one framing share its values, and the function of a
  // custom one.
  Framer(const Framing& framing, std::size_t max_message) noexcept;

  // Reads `input`, which begins where the last message ended: the unconsumed bytes of the last call, and what arrived
  // since.
  //   message    `message` is a part of `input`; `consumed` bytes of `input`, at least 1, belong to it and its framing.
  //   need_more  call again when there is more. The input is then shorter than max_message + overhead().
  //   too_long   the limit is exceeded, seen in the first max_message + overhead() bytes or in a length prefix.
  //   bad        a length that is impossible, or the verdict of a custom framing.
  // `scanned` belongs to the connection and starts at 0: how far the front of `input` was searched without result, so
  // that a message that arrives in small pieces is searched once. Sets `consumed` and `message` only for a message.
  // Passes on an exception of a custom framing, and throws std::logic_error if that names bytes that are not there.
  [[nodiscard]] Cut next(std::string_view input, std::uint32_t& scanned, std::size_t& consumed,
                         std::string_view& message) const;
  // next() may throw.
  [[nodiscard]] bool is_custom() const noexcept { return values_.kind == FramingValues::Kind::custom; }

  // The most bytes by which an unfinished message may exceed max_message. wrap() adds no more than these.
  [[nodiscard]] std::size_t overhead() const noexcept { return overhead_; }

  // False: the length prefix has no room for a message of that many bytes.
  [[nodiscard]] bool can_carry(std::size_t message_bytes) const noexcept { return message_bytes <= max_bytes_; }

  // Appends the parts to `queue` as one message. False, and nothing has changed, if out of memory or if can_carry() is
  // false. Queue: char* prepare(std::size_t room), nullptr when out of memory, and void commit(std::size_t bytes).
  template <class Queue>
  [[nodiscard]] bool wrap(std::initializer_list<std::string_view> parts, Queue& queue) const {
    std::size_t size = 0;
    for (const std::string_view part : parts) size += part.size();
    if (!can_carry(size)) return false;
    if (size + overhead_ == 0) return true;  // prepare(0) may be nullptr
    char* const begin = queue.prepare(size + overhead_);
    if (begin == nullptr) return false;
    queue.commit(static_cast<std::size_t>(put(parts, size, begin) - begin));
    return true;
  }

 private:
  [[nodiscard]] Cut next_line(std::string_view input, std::uint32_t& scanned, std::size_t& consumed,
                              std::string_view& message) const noexcept;
  [[nodiscard]] Cut next_delimited(std::string_view input, std::uint32_t& scanned, std::size_t& consumed,
                                   std::string_view& message) const noexcept;
  [[nodiscard]] Cut next_prefixed(std::string_view input, std::size_t& consumed,
                                  std::string_view& message) const noexcept;
  [[nodiscard]] Cut next_varint(std::string_view input, std::size_t& consumed,
                                std::string_view& message) const noexcept;
  [[nodiscard]] Cut next_with_field(std::string_view input, std::size_t& consumed,
                                    std::string_view& message) const noexcept;
  [[nodiscard]] Cut next_custom(std::string_view input, std::uint32_t& scanned, std::size_t& consumed,
                                std::string_view& message) const;
  [[nodiscard]] Cut next_raw(std::string_view input, std::size_t& consumed, std::string_view& message) const noexcept;
  [[nodiscard]] Cut next_counted(std::string_view input, std::size_t header, std::uint64_t length,
                                 std::size_t& consumed, std::string_view& message) const noexcept;
  [[nodiscard]] std::uint64_t read_length(std::string_view input) const noexcept;
  char* put_length(std::size_t size, char* out) const noexcept;
  char* put(std::initializer_list<std::string_view> parts, std::size_t size, char* out) const noexcept;

  const Framing framing_;
  const FramingValues& values_;  // of framing_
  std::size_t max_message_;
  std::size_t overhead_;
  std::size_t max_bytes_;
};

}  // namespace prefork::internal
