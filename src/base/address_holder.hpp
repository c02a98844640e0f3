// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "base/address.hpp"

namespace preforkd {

// The process that listens on an address that cannot be bound, or on one that includes it, from /proc: `held by "nginx:
// master" (pid 4711)`. For a worker of preforkd also its slot and pool, and what to do if it has outlived its master.
// Empty if it is the caller, or if it cannot be found out: a process of another user, another network namespace, no
// /proc, more descriptors than can be checked in a quarter of a second.
[[nodiscard]] std::string describe_holder(const Address& address);

// The same for a caller that does not listen itself and wants to know whether the pool of this name could.
struct AddressHolder {
  enum class Kind {
    none,       // no process listens there
    unknown,    // a process that the caller cannot see
    this_pool,  // its master or a worker, with other processes that share the socket
    systemd,    // and no other process
    other,
  };
  Kind kind = Kind::none;
  std::string text;  // for systemd and others, as from describe_holder()
};
[[nodiscard]] AddressHolder find_holder(const Address& address, std::string_view pool);

}  // namespace preforkd
