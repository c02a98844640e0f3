// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

#include <tl/expected.hpp>

namespace preforkd {

struct FileError {
  int error;           // errno, or 0 where the file could be opened but is not what is wanted
  std::string reason;  // without the file's name
};

// The whole of a regular file of at most `limit` bytes. A FIFO, a directory or a device is refused without reading or
// blocking.
[[nodiscard]] tl::expected<std::string, FileError> read_text_file(const std::string& path, std::size_t limit);

}  // namespace preforkd
