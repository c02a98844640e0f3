// SPDX-License-Identifier: MIT
#pragma once

#include "base/errors.hpp"
#include "config/config.hpp"

namespace preforkd {

// Whether the config stands where those of systemd's units do.
[[nodiscard]] bool is_of_unit(const PoolConfig& config, const ConfigFolders& folders);

// For --check: root may read and execute what a pool's user may not. Where this is root's process and is_of_unit(), the
// process becomes the user that the unit runs as, for good, with its groups. True: it did.
// Failure: systemd could not do that either, and why.
[[nodiscard]] Result<bool> become_pool_user(const PoolConfig& config, const ConfigFolders& folders);

}  // namespace preforkd
