// SPDX-License-Identifier: MIT
#include "config/values/program_path.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include "base/current_directory.hpp"
#include "base/escape.hpp"
#include "base/split.hpp"
#include "config/values/access_text.hpp"

namespace preforkd {
namespace {

// Why an existing file may not be executed.
std::string refusal(const std::string& path, mode_t mode) {
  constexpr mode_t executable = 0111;
  struct statvfs mount {};
  if ((mode & executable) == 0) return "is not executable (try chmod +x)";
  if (statvfs(path.c_str(), &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0)
    return "is in a folder mounted noexec, by the sandbox of the pool's unit (preforkd-generator(8)) or a mount option";
  return access_text(EACCES);
}

// Why `path` cannot be executed; nullopt if it can.
std::optional<std::string> obstacle(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return access_text(errno);
  if (S_ISDIR(status.st_mode)) return "is a directory, not a program";
  if (!S_ISREG(status.st_mode)) return "is not a file";
  if (faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0) {
    return errno == EACCES ? refusal(path, status.st_mode) : errno_text(errno);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> interpreter(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::array<char, 256> head;  // BINPRM_BUF_SIZE: the kernel reads no further
  const ssize_t count = fd ? read(fd.get(), head.data(), head.size()) : -1;
  if (count < 3) return std::nullopt;
  std::string_view text(head.data(), static_cast<std::size_t>(count));
  if (!text.starts_with("#!")) return std::nullopt;
  text.remove_prefix(2);
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return std::string(text.substr(0, text.find_first_of(std::string_view(" \t\n\0", 4))));
}

namespace {

Result<std::string> checked(std::string path) {
  if (auto reason = obstacle(path)) return Failure(std::move(*reason));
  const auto script = interpreter(path);
  if (!script) return path;
  if (const auto reason = obstacle(*script)) {
    return Failure("is a script for '" + escape_bytes(*script) + "', which can't be run: " + *reason);
  }
  return path;
}

std::string search_path() {
  const char* const path = std::getenv("PATH");
  return path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
}

// The first executable match. Skips matches that cannot be executed, as a shell does, but returns one as the reason if
// there is no other.
Result<std::string> search(const std::string& name) {
  const std::string folders = search_path();
  std::string passed_over;
  for (const std::string_view folder : split(folders, ':')) {
    const std::string path = from_current_directory(folder.empty() ? name : std::string(folder) + '/' + name);
    const auto reason = obstacle(path);
    if (!reason) return checked(path);
    struct stat status {};
    if (passed_over.empty() && stat(path.c_str(), &status) == 0) passed_over = escape_bytes(path) + " " + *reason;
  }
  if (!passed_over.empty()) return Failure(std::move(passed_over));
  return Failure("no such program in PATH (" + escape_bytes(folders) + ")");
}

}  // namespace

Result<std::string> find_program(const std::string& name) {
  if (name.empty()) return Failure("is empty");
  if (name.starts_with('/')) return checked(name);
  if (name.find('/') == std::string::npos) return search(name);
  return Failure("must be an absolute path or a name to be found in PATH");
}

std::shared_ptr<const UniqueFd> hold_program(const std::string& path) {
  if (interpreter(path)) return nullptr;
  UniqueFd fd(open(path.c_str(), O_PATH | O_CLOEXEC));
  return fd ? std::make_shared<const UniqueFd>(std::move(fd)) : nullptr;
}

}  // namespace preforkd
