// SPDX-License-Identifier: MIT
#include "base/current_directory.hpp"

#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>

#include "base/file_identity.hpp"

namespace preforkd {
namespace {

bool is_current(const char* path) { return same_file(FileIdentity::at(path), FileIdentity::at(".")); }

}  // namespace

std::string current_directory() {
  const char* const name = std::getenv("PWD");
  if (name != nullptr && name[0] == '/' && is_current(name)) return name;
  std::array<char, PATH_MAX> path;
  return getcwd(path.data(), path.size()) == nullptr ? std::string() : std::string(path.data());
}

std::string from_current_directory(std::string path) {
  if (path.starts_with('/')) return path;
  const std::string here = current_directory();
  if (here.empty()) return path;
  while (path.starts_with("./")) path.erase(0, path.find_first_not_of('/', 1));
  return here.ends_with('/') ? here + path : here + '/' + path;
}

}  // namespace preforkd
