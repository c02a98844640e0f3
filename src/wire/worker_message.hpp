// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace preforkd::worker_message {

// What two workers of a pool say to each other on the SEQPACKET socket pair that the master has given to them: packets
// of a header and the bytes of one message. Both ends may send at any time; there is no answer. The end of the file is
// the end of the other worker. The byte order is that of the host.

inline constexpr std::uint32_t protocol = 1;  // workers meet only those with the same

// A packet must fit into a socket buffer (net.core.wmem_default, 208 KiB), which takes about three of this size.
inline constexpr std::size_t max_bytes = std::size_t{64} * 1024;

// In front of a message. Without it an empty one would look like the end of the file.
struct Header {
  std::uint32_t type = 1;
};
inline constexpr std::size_t max_packet_bytes = sizeof(Header) + max_bytes;

[[nodiscard]] std::string_view bytes_of(const Header& header) noexcept;

// The message in a packet. nullopt: it is none, or one of a newer program.
[[nodiscard]] std::optional<std::string_view> read(std::string_view packet) noexcept;

}  // namespace preforkd::worker_message
