// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "base/unique_fd.hpp"

namespace preforkd {

// Packets of a SEQPACKET socket, each with at most one descriptor. Nothing here blocks or allocates, and all of it may
// run in a child that does not execute another program.

enum class PacketSent : std::uint8_t {
  sent,
  full,    // the peer does not read: try again later
  broken,  // the peer has closed or shut down its end, or the packet is too long for the socket
};

// Sends the parts as one packet. The peer gets a duplicate of `fd`, unless that is -1.
[[nodiscard]] PacketSent send_packet(int socket, std::initializer_list<std::string_view> parts, int fd = -1) noexcept;

enum class PacketReceived : std::uint8_t {
  packet,
  nothing,  // no packet waits
  ended,    // the peer has closed its end, and everything that it sent was received
};

struct Packet {
  std::string_view bytes;  // in the buffer; empty if the packet did not fit in
  UniqueFd fd;             // CLOEXEC; further ones that came with it are closed
};

// Takes the next packet. A packet without a byte counts as one that did not fit.
[[nodiscard]] PacketReceived receive_packet(int socket, std::span<char> buffer, Packet& packet) noexcept;

// The same, but leaves it to be taken.
[[nodiscard]] PacketReceived peek_packet(int socket, std::span<char> buffer, Packet& packet) noexcept;

}  // namespace preforkd
