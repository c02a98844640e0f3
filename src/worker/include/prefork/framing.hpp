// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include <prefork/export.hpp>

namespace prefork {
inline namespace v0 {

enum class Endian : std::uint8_t { big, little };

// What a custom framing says of the input that has arrived. A value.
class Frame {
 public:
  // The first `size` bytes of the input are one message, at least 1. Without the first `skip_front` and the last
  // `skip_back` of them it goes to on_message.
  [[nodiscard]] static Frame message(std::size_t size, std::size_t skip_front = 0, std::size_t skip_back = 0) noexcept {
    return {Kind::message, size, skip_front, skip_back};
  }
  // The message is not complete. It is not asked again before the input has `size` bytes; 0: before more has arrived.
  [[nodiscard]] static Frame incomplete(std::size_t size = 0) noexcept { return {Kind::incomplete, size, 0, 0}; }
  // The bytes break the protocol: the connection is closed with CloseReason::bad_message when its replies are sent.
  [[nodiscard]] static Frame bad() noexcept { return {Kind::bad, 0, 0, 0}; }

  enum class Kind : std::uint8_t { message, incomplete, bad };
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t skip_front() const noexcept { return skip_front_; }
  [[nodiscard]] std::size_t skip_back() const noexcept { return skip_back_; }

 private:
  Frame(Kind kind, std::size_t size, std::size_t skip_front, std::size_t skip_back) noexcept
      : kind_(kind), size_(size), skip_front_(skip_front), skip_back_(skip_back) {}
  Kind kind_;
  std::size_t size_;
  std::size_t skip_front_;
  std::size_t skip_back_;
};

// How a byte stream is split into messages, and what Connection::send() adds to one. A value; cheap to copy.
class PREFORK_EXPORT Framing {
 public:
  // A message ends at '\n', which is not part of it; one '\r' before it is dropped. send() adds '\n'. It does not look
  // for a '\n' in the message: a client whose bytes are sent unescaped can make two replies of one.
  [[nodiscard]] static Framing lines();
  // A message ends at `delimiter` (1…16 bytes, not part of the message). send() adds it, and does not look for it in
  // the message either. Throws std::invalid_argument for another length.
  [[nodiscard]] static Framing delimiter(std::string_view delimiter);
  // A message is preceded by its length in bytes, an unsigned integer of `width` 1…8 bytes that does not count itself.
  // send() adds it. Throws std::invalid_argument for another width.
  [[nodiscard]] static Framing length_prefix(unsigned width, Endian endian = Endian::big);
  // A message is preceded by its length in bytes as a base-128 varint of 1…10 bytes, least significant group first (as
  // Protocol Buffers write it). send() adds it.
  [[nodiscard]] static Framing varint_prefix();
  // A message begins with a header in which its length stands: an unsigned integer of `width` 1…8 bytes, `offset` (up
  // to 1024) bytes from the beginning. The message has `offset` + `width` + length + `adjustment` bytes and is
  // delivered with its header; if the length counts the header, `adjustment` is -(offset + width). send() adds nothing:
  // the program writes the header. Throws std::invalid_argument for other values.
  [[nodiscard]] static Framing length_field(unsigned offset, unsigned width, Endian endian = Endian::big,
                                            int adjustment = 0);
  // `next` says where the first message of the input ends. The input is never empty, and begins where the last message
  // ended: an unfinished message is looked at from its beginning each time, so that one of many parts costs much unless
  // Frame::incomplete(size) says what is missing. send() adds nothing. If `next` throws, the connection is closed with
  // CloseReason::handler_failed. All connections that have this framing or a copy of it call the same `next`, those of
  // servers on several threads at the same time.
  [[nodiscard]] static Framing custom(std::function<Frame(std::string_view input)> next);
  // Every read is a message, of 1 byte up to the read's size. send() adds nothing.
  [[nodiscard]] static Framing raw();

  class Impl;
  [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

 private:
  explicit Framing(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace v0
}  // namespace prefork
