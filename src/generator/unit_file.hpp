// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

namespace preforkd {

// A file for systemd, below the folder that the generator writes to.
struct UnitFile {
  std::string path;  // "preforkd@echo.socket.d/50-preforkd.conf"
  std::string text;
};

// Writes a file and makes its folders. Throws std::system_error. systemd reads when all generators have ended, so the
// file needs no temporary name while it is written.
void write_file(const std::filesystem::path& path, const std::string& text);

}  // namespace preforkd
