// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace preforkd::component {

// Its own folder, removed with its contents at the end.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }
  // Writes a file, replacing its contents, and returns its path.
  std::string write(std::string_view name, std::string_view text) const;

 private:
  std::string path_;
};

[[nodiscard]] std::string read_file(const std::string& path);

}  // namespace preforkd::component
