// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace preforkd {

// Whether `unit` is one of the socket units of a pool: preforkd@POOL.socket, or preforkd-POOL-N.socket. A pool's name
// may end like such a number: preforkd-web-2-3.socket belongs to the pool "web-2" only.
[[nodiscard]] bool is_socket_unit_of(std::string_view pool, std::string_view unit) noexcept;

}  // namespace preforkd
