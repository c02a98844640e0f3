// SPDX-License-Identifier: MIT
#include "wire/worker_message.hpp"

#include <cstring>

namespace preforkd::worker_message {

std::string_view bytes_of(const Header& header) noexcept {
  return {reinterpret_cast<const char*>(&header), sizeof header};
}

std::optional<std::string_view> read(std::string_view packet) noexcept {
  Header header;
  if (packet.size() < sizeof header || packet.size() > max_packet_bytes) return std::nullopt;
  std::memcpy(&header, packet.data(), sizeof header);
  if (header.type != Header().type) return std::nullopt;
  return packet.substr(sizeof header);
}

}  // namespace preforkd::worker_message
