// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace preforkd::transfer {

// How one worker, or the keeper of one that has died, gives connections to another, over a SEQPACKET socket pair.
//
//   giver                                        taker
//   Connection, its descriptor, bytes ─────────▶
//   More, bytes (if it has many) ──────────────▶
//                                   ◀──────────  Trying, if it is suspected
//                                   ◀──────────  Taken, or Refused
//   Amendment, bytes ──────────────────────────▶
//                                   ◀──────────  Amended, if it had any content
//   end of file: that was all ─────────────────▶
//
// A connection always has exactly one owner. The giver stops reading and writing before it sends Connection, and is the
// owner until it has received Taken. The taker sends Taken after on_adopt and before it reads or writes, and is the
// owner if the kernel accepted that packet. A giver that waits no longer first shuts down its side for reading, so that
// no further Taken can be sent, and then reads those that were: what is not among them is its own again. A message that
// begins before the last one was complete replaces it.
//
// When a taker has died or hangs, the first connection that it has not answered is suspected: on_adopt may fail at it.
// The next taker says Trying before it calls on_adopt for that one. If nothing follows, no other worker gets it.
//
// The giver's program does not know that a connection is on its way, and may use it. What it did follows Taken as an
// Amendment; an empty one if it did nothing. Until that, or the end of file, the taker serves the connection, but does
// not give it on. If it dies or hangs before it has said Amended, the giver shuts the connection down, which its keeper
// may have given on meanwhile: nobody would know what was done. A keeper has no program, and sends no amendments.

inline constexpr std::size_t max_packet_bytes = std::size_t{32} * 1024;
// A connection with more bytes than these is given away when it has fewer.
inline constexpr std::size_t max_payload_bytes = std::size_t{1} * 1024 * 1024;
// A connection for which the program has sent more than these while it was on its way is closed.
inline constexpr std::size_t max_amendment_bytes = std::size_t{64} * 1024 * 1024;
inline constexpr std::size_t max_unanswered = 64;
// Of Connection::keep(). A keeper sends a connection in one packet, with a listener's name of up to 255 bytes.
inline constexpr std::size_t max_state_bytes = std::size_t{31} * 1024;

inline constexpr std::chrono::milliseconds answer_time{2000};  // for the next answer; then the giver waits no longer
inline constexpr std::chrono::milliseconds retry_delay{5};     // of a packet that the kernel does not take
inline constexpr unsigned max_takers = 4;                      // that die, hang or refuse all, one after the other

enum class Type : std::uint32_t { connection, more, trying, taken, refused, amendment, amended };

enum class Refusal : std::uint32_t {
  full,        // max_connections or descriptors
  leaving,     // it is about to leave itself
  listener,    // it has no listening socket of that name, or its service there has no on_adopt
  kept_state,  // the kept state is longer than its max_kept_state
  failed,      // its on_adopt threw, or it had no memory; or a second taker has died or hung at it
};
// The taker takes none of the others either, but another worker may.
[[nodiscard]] constexpr bool refuses_all(Refusal refusal) noexcept {
  return refusal == Refusal::full || refusal == Refusal::leaving;
}
inline constexpr std::size_t refusal_count = 5;
using RefusalCounts = std::array<std::uint32_t, refusal_count>;

// The payload follows: the listener's name, the kept state, input, output, in this order.
struct Connection {
  Type type = Type::connection;
  std::uint32_t serial = 0;
  std::uint32_t state_version = 0;  // Server::state_version() of the worker that kept the state
  std::uint32_t listener_bytes = 0;
  std::uint32_t state_bytes = 0;
  std::uint32_t input_bytes = 0;   // received and not consumed
  std::uint32_t output_bytes = 0;  // not sent yet
  std::uint8_t heard = 0;          // a message was delivered
  std::uint8_t is_tcp = 0;
  std::uint8_t amended = 0;    // an Amendment follows Taken
  std::uint8_t suspected = 0;  // a taker may have died or hung at it
  // CLOCK_MONOTONIC, nanoseconds: its last message, or the first byte of an unfinished one.
  std::int64_t input_since = 0;
  std::array<std::uint8_t, 24> peer{};  // PeerAddress

  [[nodiscard]] std::size_t payload_bytes() const noexcept {
    return std::size_t{listener_bytes} + state_bytes + input_bytes + output_bytes;
  }
};

// The payload follows: the kept state, output.
struct Amendment {
  Type type = Type::amendment;
  std::uint32_t serial = 0;
  std::uint32_t state_version = 0;
  std::uint32_t state_bytes = 0;
  std::uint32_t output_bytes = 0;
  std::uint8_t keeps = 0;         // the state replaces the one before
  std::uint8_t closes = 0;        // after the output
  std::uint8_t close_reason = 0;  // CloseReason
  std::uint8_t reserved = 0;

  [[nodiscard]] std::size_t payload_bytes() const noexcept { return std::size_t{state_bytes} + output_bytes; }
};

struct More {
  Type type = Type::more;
  std::uint32_t serial = 0;
};

struct Answer {
  Type type = Type::taken;
  std::uint32_t serial = 0;
  Refusal refusal{};  // of Type::refused
};

template <class T>
[[nodiscard]] std::string_view bytes_of(const T& message) noexcept {
  return {reinterpret_cast<const char*>(&message), sizeof message};
}

// nullopt: too short, another type, or impossible lengths.
[[nodiscard]] std::optional<Connection> read_connection(std::string_view packet) noexcept;
[[nodiscard]] std::optional<Amendment> read_amendment(std::string_view packet) noexcept;
[[nodiscard]] std::optional<More> read_more(std::string_view packet) noexcept;
[[nodiscard]] std::optional<Answer> read_answer(std::string_view packet) noexcept;

}  // namespace preforkd::transfer
