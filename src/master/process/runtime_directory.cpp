// SPDX-License-Identifier: MIT
#include "master/process/runtime_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/errors.hpp"

namespace preforkd {
namespace {

constexpr std::string_view socket_prefix = "notify.";
constexpr std::size_t most_worker_digits = 12;
constexpr std::size_t longest_path = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::string_view unique_part = ".XXXXXX";

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

std::vector<std::string> names_in(int directory) {
  std::vector<std::string> names;
  UniqueFd again(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const Directory open(again ? fdopendir(again.get()) : nullptr, closedir);
  if (!open) return names;
  [[maybe_unused]] const int now_owned_by_open = again.release();
  while (const dirent* entry = readdir(open.get())) names.emplace_back(entry->d_name);
  return names;
}

bool fits_sockets(const std::string& folder) {
  return folder.size() + 1 + socket_prefix.size() + most_worker_digits <= longest_path;
}

bool is_at(const std::string& path, int folder) {
  struct stat held {};
  struct stat there {};
  return fstat(folder, &held) == 0 && stat(path.c_str(), &there) == 0 && there.st_ino == held.st_ino &&
         there.st_dev == held.st_dev;
}

// A locked descriptor of the folder, or an invalid one if it is not ours, or another master has it.
UniqueFd lock_folder(const std::string& path) {
  UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat held {};
  if (!folder || fstat(folder.get(), &held) != 0 || held.st_uid != geteuid()) return UniqueFd();
  if (flock(folder.get(), LOCK_EX | LOCK_NB) != 0) return UniqueFd();
  // Between open and flock a starting master may have taken it for a dead one's and removed it.
  if (!is_at(path, folder.get())) return UniqueFd();
  return folder;
}

void remove_sockets(int folder) {
  for (const std::string& name : names_in(folder)) {
    if (name.starts_with(socket_prefix)) unlinkat(folder, name.c_str(), 0);
  }
}

void remove_leftovers(const std::string& base, const std::string& prefix) {
  const UniqueFd directory(open(base.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return;
  for (const std::string& name : names_in(directory.get())) {
    if (name.size() != prefix.size() + unique_part.size() || !name.starts_with(prefix) || name[prefix.size()] != '.')
      continue;
    const std::string path = base + "/" + name;
    const UniqueFd folder = lock_folder(path);
    if (!folder) continue;
    remove_sockets(folder.get());
    rmdir(path.c_str());
  }
}

std::vector<std::string> places() {
  std::vector<std::string> result;
  const auto add_variable = [&result](const char* name) {
    const char* value = getenv(name);
    if (value != nullptr && value[0] == '/') result.emplace_back(value);
  };
  add_variable("XDG_RUNTIME_DIR");
  if (geteuid() == 0) result.emplace_back("/run");
  add_variable("TMPDIR");
  result.emplace_back("/tmp");
  return result;
}

// systemd's RuntimeDirectory=: the first one, if there are several.
std::string given_directory() {
  const char* value = getenv("RUNTIME_DIRECTORY");
  const std::string_view all = value == nullptr ? std::string_view() : value;
  return std::string(all.substr(0, all.find(':')));
}

}  // namespace

RuntimeDirectory::RuntimeDirectory(const std::string& pool_name) : pool_name_(pool_name) { take(); }

void RuntimeDirectory::renew() {
  if (is_at(path_, locked_.get())) return;
  locked_.reset();
  made_here_ = false;
  take();
}

bool RuntimeDirectory::take_given() {
  const std::string given = given_directory();
  if (given.empty() || !fits_sockets(given)) return false;
  locked_ = lock_folder(given);
  if (!locked_) return false;
  path_ = given;
  remove_sockets(locked_.get());
  return true;
}

void RuntimeDirectory::take() {
  if (take_given()) return;
  std::string failure;
  const std::string prefix = "preforkd-" + pool_name_;
  for (const std::string& base : places()) {
    remove_leftovers(base, prefix);
    std::string path = base + "/" + prefix + std::string(unique_part);
    if (!fits_sockets(path)) {
      failure = base + ": too long for the addresses of UNIX sockets";
      continue;
    }
    // Another master that starts just now may take the new folder for a leftover before it is locked.
    for (int attempt = 0; attempt < 10; ++attempt) {
      std::string made = path;
      if (mkdtemp(made.data()) == nullptr) {
        failure = base + ": " + errno_text(errno);
        break;
      }
      locked_ = lock_folder(made);
      if (!locked_) continue;
      path_ = made;
      made_here_ = true;
      return;
    }
  }
  throw StartupError(exit_code::unavailable, "cannot make a runtime directory: " + failure);
}

RuntimeDirectory::~RuntimeDirectory() {
  remove_sockets(locked_.get());
  if (made_here_) rmdir(path_.c_str());
}

std::string RuntimeDirectory::socket_path(unsigned long long worker) const {
  return path_ + "/" + std::string(socket_prefix) + std::to_string(worker);
}

}  // namespace preforkd
