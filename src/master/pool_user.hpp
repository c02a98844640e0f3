// SPDX-License-Identifier: MIT
#pragma once

#include "base/errors.hpp"
#include "config/config.hpp"

namespace preforkd {

// Whether the config is in one of the folders where systemd's units have theirs.
[[nodiscard]] bool is_of_unit(const PoolConfig& config, const ConfigFolders& folders);

// For --check: root may read and execute what a pool's user may not. If this is root's process and is_of_unit(), the
// process becomes the user that the unit runs as, for good, with its groups. True: it did. Failure: why systemd could
// not do that either.
[[nodiscard]] Result<bool> become_pool_user(const PoolConfig& config, const ConfigFolders& folders);

}  // namespace preforkd
