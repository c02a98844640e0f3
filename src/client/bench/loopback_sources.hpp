// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "base/address.hpp"

namespace preforkd::client {

// Source addresses for many connections to one port of this host. A closed connection keeps its pair of addresses and
// ports for a minute (TIME_WAIT), and one source address has some 28 000 ports: with one address, the benchmark would
// soon measure the search for a free port. All of 127.0.0.0/8 is this host, so 254 more are used.
class LoopbackSources {
 public:
  explicit LoopbackSources(const Address& target);

  // Another address each time, the kernel chooses its port; nullopt if the target is not an address of 127.0.0.0/8.
  [[nodiscard]] std::optional<Address> next() noexcept;

 private:
  bool applies_;
  std::uint32_t turn_ = 0;
};

}  // namespace preforkd::client
