// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string_view>
#include <vector>

#include "base/address.hpp"

namespace preforkd::client {

// A name without an address; what() is the resolver's reason.
struct ResolveFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What to connect to: "localhost:9505", or anything that parse_address() reads. A name may have several addresses; they
// are in the order in which to try them, and there is at least one. Throws std::invalid_argument for another form and
// for port 0, and ResolveFailed.
[[nodiscard]] std::vector<Address> resolve(std::string_view text);

}  // namespace preforkd::client
