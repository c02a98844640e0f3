// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string_view>
#include <vector>

#include "base/address.hpp"

namespace preforkd::client {

// A name that stands for no address; what() is the resolver's reason.
struct ResolveFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What to connect to: "localhost:9505", or what parse_address() reads. A name may stand for several addresses, in the
// order in which they should be tried; there is always at least one. Throws std::invalid_argument for another form and
// for port 0, and ResolveFailed.
[[nodiscard]] std::vector<Address> resolve(std::string_view text);

}  // namespace preforkd::client
