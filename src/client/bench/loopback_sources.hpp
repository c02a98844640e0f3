// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "base/address.hpp"

namespace preforkd::client {

// Source addresses for many short connections to one port of this host. A closed connection keeps its pair of addresses
// and ports for a minute (TIME_WAIT), and one source address has some 28 000 ports: without others the search for a
// free one is soon what is measured. All of 127.0.0.0/8 is this host, so there are 254 more.
class LoopbackSources {
 public:
  explicit LoopbackSources(const Address& target);

  // Another one each time, its port left to the kernel; none where the target is not an address of 127.0.0.0/8.
  [[nodiscard]] std::optional<Address> next() noexcept;

 private:
  bool applies_;
  std::uint32_t turn_ = 0;
};

}  // namespace preforkd::client
