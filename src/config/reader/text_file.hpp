// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

#include "base/errors.hpp"

namespace preforkd {

// The contents of a regular file of at most `limit` bytes. Refuses a FIFO, a directory or a device without reading or
// blocking.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path, std::size_t limit);

}  // namespace preforkd
