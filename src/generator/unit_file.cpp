// SPDX-License-Identifier: MIT
#include "generator/unit_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>

#include "base/unique_fd.hpp"

namespace preforkd {

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  const auto fail = [&] { throw std::system_error(errno, std::generic_category(), path.string()); };
  if (!fd) fail();
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t size = ::write(fd.get(), rest.data(), rest.size());
    if (size < 0) fail();
    rest.remove_prefix(static_cast<std::size_t>(size));
  }
}

}  // namespace preforkd
