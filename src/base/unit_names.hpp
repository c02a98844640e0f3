// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace preforkd {

// The systemd units of a pool: preforkd@POOL.service, preforkd@POOL.socket, and preforkd-POOL-N.socket for further
// sockets.
[[nodiscard]] std::string service_unit(const std::string& pool);
[[nodiscard]] std::string first_socket_unit(const std::string& pool);
[[nodiscard]] std::string further_socket_unit(const std::string& pool, std::size_t number);

// For ListUnitsByPatterns() of systemd. Units of other pools may match too: see is_socket_unit_of().
[[nodiscard]] std::vector<std::string> socket_unit_patterns(const std::string& pool);

// Whether `unit` is one of the socket units of a pool. A pool's name may end as such a number does:
// preforkd-web-2-3.socket is of the pool "web-2" alone.
[[nodiscard]] bool is_socket_unit_of(std::string_view pool, std::string_view unit) noexcept;

// "web" for "preforkd@web.service", "preforkd@web.socket" and "preforkd@web"; nullopt for another unit. Whether a pool
// may have this name is not checked.
[[nodiscard]] std::optional<std::string_view> pool_of_unit(std::string_view unit) noexcept;

}  // namespace preforkd
