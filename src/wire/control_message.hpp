// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "wire/transfer.hpp"
#include "wire/worker_message.hpp"

namespace preforkd::control {

// What the master and a worker (or its keeper) say on the control channel, one message a packet. Numbers are in the
// byte order of the host. A worker that sends anything else harms only itself; a message of unknown type, from a newer
// program, is ignored, and so is what follows the known fields of a known one.

inline constexpr std::uint32_t protocol = 1;  // of these messages and of transfer.hpp

inline constexpr const char* keeper_name = "keeper";  // of its process, in /proc/PID/comm

// Worker to master, once, before READY=1: its connections may move to workers with the same protocol and framing.
struct Hello {
  std::uint32_t protocol = control::protocol;
  std::uint64_t framing = 0;  // a fingerprint of how its connections' bytes are split into messages
};
// Worker or keeper to master: it has connections to give and no one to take them. Give or NoTaker answers.
struct Seeks {
  std::uint32_t connections = 0;
};
// Worker or keeper to master, when a transfer has ended, if anything came of it: what became of the connections.
struct Gave {
  std::uint32_t moved = 0;
  std::uint32_t closed = 0;           // by a keeper: they were not resting when its worker died, or have no taker
  transfer::RefusalCounts refused{};  // by the taker: the giver still has them, except a keeper
  std::uint32_t by_keeper = 0;        // 1: a keeper says it; its worker has died, maybe unseen by the master
};
// Master to worker or keeper, with one end of a socket pair, on which transfer.hpp is spoken: give your connections.
struct Give {
  std::uint32_t max = 0;  // at most so many, and only resting ones; 0: all, because you leave. A keeper gives all.
};
// Master to worker, with the other end: take what comes.
struct Take {};
// Master to worker or keeper: no other worker can take your connections.
struct NoTaker {};
// Master to worker: say Busy from this share of the time on; 0: do not say it.
struct ReportBusy {
  std::uint32_t permille = 0;
};
// Worker to master, at most once a second: it was busy for that share of the last second.
struct Busy {};
// Worker to master, once, before READY=1: its program sends messages to other workers and takes theirs.
struct Talks {
  std::uint32_t protocol = worker_message::protocol;
};
// Master to worker, with one end of a socket pair, on which worker_message.hpp is spoken: another worker that talks has
// the other end. It may come twice for the same worker, if there is another master.
struct Meet {
  std::uint64_t id = 0;  // of the other one, as long as the pool lives; a younger worker has a higher one
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  std::int32_t pid = 0;
  std::uint32_t reserved = 0;
};

using Message = std::variant<Hello, Seeks, Gave, Give, Take, NoTaker, ReportBusy, Busy, Talks, Meet>;

inline constexpr std::size_t max_message_bytes = 64;

class Encoded {
 public:
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.data(), size_}; }
  void put(const void* bytes, std::size_t size) noexcept;

 private:
  std::array<char, max_message_bytes> bytes_{};
  std::size_t size_ = 0;
};

// noexcept and without allocation: a keeper uses them.
[[nodiscard]] Encoded encode(const Message& message) noexcept;
// nullopt: an unknown type, or too short.
[[nodiscard]] std::optional<Message> decode(std::string_view bytes) noexcept;
// It is a message of a newer program.
[[nodiscard]] bool has_unknown_type(std::string_view bytes) noexcept;

}  // namespace preforkd::control
