// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "base/address.hpp"

namespace preforkd {

// Who listens on an address that can't be bound, or on one that takes it in, as /proc tells: `held by "nginx: master"
// (pid 4711)`. Of a worker of preforkd's its slot and pool, and what mends it if it has outlived its master. Empty
// where it is the caller, and where that can't be found out: another user's process, another network namespace, no
// /proc, more descriptors than can be looked at in a quarter of a second.
[[nodiscard]] std::string describe_holder(const Address& address);

// The same for a caller that does not listen itself, but asks whether the pool of this name could.
struct AddressHolder {
  enum class Kind {
    none,       // no process listens there
    unknown,    // a process that the caller can't see
    this_pool,  // its master or a worker; others that it has given the socket to, or has it from, too
    systemd,    // and no other process
    other,
  };
  Kind kind = Kind::none;
  std::string text;  // of systemd and others, as describe_holder() has it
};
[[nodiscard]] AddressHolder find_holder(const Address& address, std::string_view pool);

}  // namespace preforkd
