// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

namespace preforkd {

// A file for systemd, below the folder that a generator writes to.
struct UnitFile {
  std::string path;  // "preforkd@echo.socket.d/50-preforkd.conf"
  std::string text;
};

// Writes a file and the folders that it needs. Throws std::system_error. systemd reads when all generators have ended,
// so a unit needs no second name while it is written.
void write_file(const std::filesystem::path& path, const std::string& text);

}  // namespace preforkd
