// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/errors.hpp"
#include "worker/connection/peer_address.hpp"

namespace prefork::internal {

// Hosts that an address and a number of its bits name: "10.0.0.0/8", "192.0.2.7", "2001:db8::/32"; or "unix": whoever
// connects to a UNIX socket.
class Network {
 public:
  [[nodiscard]] static preforkd::Result<Network> parse(std::string_view text);
  // "127.0.0.0/8", "::1" and "unix".
  [[nodiscard]] static std::vector<Network> this_host();
  [[nodiscard]] bool contains(const PeerAddress& peer) const noexcept;

 private:
  std::uint16_t family_ = 0;
  std::uint8_t bits_ = 0;
  std::array<std::uint8_t, 16> address_{};
};

}  // namespace prefork::internal
