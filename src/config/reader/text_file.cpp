// SPDX-License-Identifier: MIT
#include "config/reader/text_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/byte_size.hpp"
#include "base/unique_fd.hpp"
#include "config/values/access_text.hpp"

namespace preforkd {
namespace {

Failure failed(int error) { return Failure({access_text(error), error}); }

const char* kind_of(mode_t mode) noexcept {
  if (S_ISDIR(mode)) return "is a directory, not a file";
  if (S_ISFIFO(mode)) return "is a FIFO, not a file";
  if (S_ISSOCK(mode)) return "is a socket, not a file";
  return "is a device, not a file";
}

}  // namespace

Result<std::string> read_text_file(const std::string& path, std::size_t limit) {
  // Checks the type before opening, because opening a device may have effects. Checks it again afterwards, because the
  // path may have changed meanwhile.
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return failed(errno);
  if (!S_ISREG(status.st_mode)) return Failure(kind_of(status.st_mode));
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return failed(errno);
  if (fstat(fd.get(), &status) != 0) return failed(errno);
  if (!S_ISREG(status.st_mode)) return Failure(kind_of(status.st_mode));

  std::string text;
  std::array<char, 16384> chunk;
  while (text.size() <= limit) {
    const ssize_t count = read(fd.get(), chunk.data(), std::min(chunk.size(), limit + 1 - text.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(errno);
    if (count == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(count));
  }
  return Failure("is larger than " + format_byte_size(limit) + ", the limit");
}

}  // namespace preforkd
