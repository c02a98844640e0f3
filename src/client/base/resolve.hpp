// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/errors.hpp"

namespace preforkd::client {

// What to connect to: "localhost:9505", or what parse_address() reads. A name may stand for several addresses, in the
// order in which they should be tried; there is always at least one. For an unknown name, the resolver's reason. Throws
// ExitError (64) for another form and for port 0.
[[nodiscard]] Result<std::vector<Address>> resolve(std::string_view text);

}  // namespace preforkd::client
