// SPDX-License-Identifier: MIT
// The framer's invariant on any bytes: however a stream is split, the same messages come out of it, none longer than
// max_message, and what has to be kept of an unfinished one is bounded.
//
// Input: a byte that chooses the framing, one for max_message, one that seeds the split, then the stream.
#include "worker/connection/framer.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "require.hpp"

namespace {

using prefork::Endian;
using prefork::Frame;
using prefork::Framing;
using prefork::internal::Cut;
using prefork::internal::Framer;
using prefork::internal::FramingValues;

// "c..." is a message of two bytes behind the letter, "a" is an empty one.
Frame counted_by_a_letter(std::string_view input) {
  if (input.front() < 'a' || input.front() > 'z') return Frame::bad();
  const std::size_t whole = static_cast<std::size_t>(input.front() - 'a') + 1;
  return input.size() < whole ? Frame::incomplete(whole) : Frame::message(whole, 1);
}

Framing choose(std::uint8_t byte) {
  constexpr std::array<unsigned, 4> widths{1, 2, 4, 8};
  const Endian endian = (byte & 0x10U) != 0 ? Endian::little : Endian::big;
  if (byte >= 0xF0) return Framing::custom(counted_by_a_letter);
  if (byte >= 0xE0) return Framing::varint_prefix();
  if (byte >= 0xC0) return Framing::length_field(byte % 4U, 1 + byte % 3U, endian, byte % 5U == 0 ? -2 : 1);
  switch (byte % 8U) {
    case 0:
      return Framing::lines();
    case 1:
      return Framing::delimiter("\n");
    case 2:
      return Framing::delimiter("\r\n\r\n");
    case 3:
      return Framing::delimiter("aab");
    case 4:
      return Framing::raw();
    default:
      return Framing::length_prefix(widths[byte / 8U % 4U], endian);
  }
}

struct Outcome {
  std::vector<std::string> messages;
  std::string rest;
  bool too_long = false;
  bool bad = false;
  bool operator==(const Outcome&) const = default;
};

// Cuts what is complete off the front of outcome.rest.
void cut(const Framer& framer, std::size_t max_message, std::uint32_t& scanned, Outcome& outcome) {
  std::string_view input = outcome.rest;
  for (;;) {
    std::size_t consumed = 0;
    std::string_view message;
    const Cut found = framer.next(input, scanned, consumed, message);
    outcome.too_long = found == Cut::too_long;
    outcome.bad = found == Cut::bad;
    if (found != Cut::message) break;
    require(consumed > 0 && consumed <= input.size(), "a message consumes input that is there");
    require(message.size() <= max_message, "no message is longer than max_message");
    require(consumed - message.size() <= framer.overhead() || framer.is_custom(),
            "framing is not larger than overhead()");
    require(message.empty() ||
                (message.data() >= input.data() && message.data() + message.size() <= input.data() + consumed),
            "a message is a part of what is consumed");
    outcome.messages.emplace_back(message);
    input.remove_prefix(consumed);
  }
  require(outcome.too_long || outcome.bad || input.empty() || input.size() < max_message + framer.overhead(),
          "an unfinished message is shorter than max_message and its framing");
  outcome.rest = outcome.too_long || outcome.bad ? std::string() : std::string(input);
}

// Feeds chunks of 1…`longest` bytes, of sizes that `seed` decides; longest 0: all at once.
Outcome run(const Framing& framing, std::size_t max_message, std::string_view stream, std::size_t longest,
            std::uint32_t seed) {
  const Framer framer(framing, max_message);
  std::uint32_t scanned = 0;
  Outcome outcome;
  while (!stream.empty() && !outcome.too_long && !outcome.bad) {
    seed = seed * 1664525U + 1013904223U;
    const std::size_t size = longest == 0 ? stream.size() : std::min(stream.size(), 1 + (seed >> 16U) % longest);
    outcome.rest += stream.substr(0, size);
    stream.remove_prefix(size);
    cut(framer, max_message, scanned, outcome);
  }
  return outcome;
}

std::string joined(const Outcome& outcome) {
  std::string all;
  for (const std::string& message : outcome.messages) all += message;
  return all;
}

class Queue {
 public:
  char* prepare(std::size_t room) {
    bytes_.resize(size_ + room);
    return bytes_.data() + size_;
  }
  void commit(std::size_t bytes) { size_ += bytes; }
  [[nodiscard]] std::string_view text() const { return std::string_view(bytes_).substr(0, size_); }

 private:
  std::string bytes_;
  std::size_t size_ = 0;
};

// What was received can be sent on and is received as the same messages: none of them contains what would end it.
void check_way_back(const Framing& framing, std::size_t max_message, const Outcome& outcome) {
  const Framer framer(framing, max_message);
  if (framer.is_custom()) return;
  Queue queue;
  for (const std::string& message : outcome.messages) {
    // A line that ends in '\r' is the exception: with "\n" behind it, it would lose that byte.
    if (framing.impl().values.kind == FramingValues::Kind::lines && message.ends_with('\r')) return;
    require(framer.wrap({message}, queue), "a message that was received can be sent");
  }
  Outcome back;
  back.rest = queue.text();
  std::uint32_t scanned = 0;
  cut(framer, max_message, scanned, back);
  require(back.messages == outcome.messages && back.rest.empty(), "what is sent is received as the same messages");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const Framing framing = choose(data[0]);
  const std::size_t max_message = data[1] + std::size_t{1};
  const std::string_view stream(reinterpret_cast<const char*>(data + 3), size - 3);
  const Outcome whole = run(framing, max_message, stream, 0, 0);
  const Outcome bytewise = run(framing, max_message, stream, 1, 0);
  const Outcome split = run(framing, max_message, stream, 1 + data[2] % 32U, data[2]);
  if (framing.impl().values.kind == FramingValues::Kind::raw) {
    require(joined(whole) == stream && joined(bytewise) == stream && joined(split) == stream,
            "raw loses and adds nothing");
    return 0;
  }
  require(bytewise == whole, "byte by byte gives the same messages as all at once");
  require(split == whole, "any split gives the same messages as all at once");
  check_way_back(framing, max_message, whole);
  return 0;
}
