// SPDX-License-Identifier: MIT
#include "master/process/runtime_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file_identity.hpp"

namespace preforkd {
namespace {

constexpr std::string_view folder_prefix = "preforkd.";
constexpr std::string_view socket_prefix = "notify.";
constexpr std::size_t secret_size = 12;  // characters of six random bits
constexpr std::size_t max_path = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::string_view unique_part = ".XXXXXX";
constexpr mode_t folder_mode = 0711;
constexpr std::string_view too_long = "too long for the addresses of UNIX sockets";

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
  return folder.size() + 1 + socket_prefix.size() + secret_size <= max_path;
}

bool is_at(const std::string& path, int folder) {
  return same_file(FileIdentity::at(path.c_str()), FileIdentity::of(folder));
}

// A locked descriptor of the folder, if it belongs to us alone.
Result<UniqueFd> lock_folder(const std::string& path) {
  UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat held {};
  if (!folder || fstat(folder.get(), &held) != 0) return os_failure(errno);
  if (held.st_uid != geteuid()) return Failure("belongs to uid " + std::to_string(held.st_uid));
  if (flock(folder.get(), LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK ? Failure("another preforkd uses it") : os_failure(errno);
  }
  // Between open and flock a master that starts may have removed it as a leftover.
  if (!is_at(path, folder.get())) return Failure("was removed");
  return folder;
}

// `kept`: their paths.
void remove_sockets(int folder, const std::vector<std::string>& kept = {}) {
  std::set<std::string> names;
  for (const std::string& path : kept) names.insert(path.substr(path.rfind('/') + 1));
  for (const std::string& name : names_in(folder)) {
    if (name.starts_with(socket_prefix) && !names.contains(name)) unlinkat(folder, name.c_str(), 0);
  }
}

void remove_leftovers(const std::string& place) {
  const UniqueFd directory(open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return;
  for (const std::string& name : names_in(directory.get())) {
    if (!name.starts_with(folder_prefix) || name.size() <= folder_prefix.size() + unique_part.size()) continue;
    if (name[name.size() - unique_part.size()] != '.') continue;
    const std::string path = place + "/" + name;
    const Result<UniqueFd> folder = lock_folder(path);
    if (!folder) continue;
    remove_sockets(folder->get());
    rmdir(path.c_str());
  }
}

// Whether every user can reach what is in this folder.
bool lets_all_pass(std::string folder) {
  for (;; folder.resize(folder.rfind('/'))) {
    if (folder.empty()) return true;
    struct stat there {};
    if (stat(folder.c_str(), &there) != 0 || (there.st_mode & S_IXOTH) == 0) return false;
  }
}

struct FolderPlace {
  std::string path;
  const char* variable = nullptr;  // the one that names it; null: a place of the system
};

std::vector<FolderPlace> places() {
  std::vector<FolderPlace> result;
  const auto add_variable = [&result](const char* name) {
    const char* value = getenv(name);
    if (value != nullptr && value[0] == '/') result.push_back({value, name});
  };
  add_variable("XDG_RUNTIME_DIR");
  if (geteuid() == 0) result.push_back({"/run"});
  add_variable("TMPDIR");
  result.push_back({"/tmp"});
  return result;
}

std::string describe(const FolderPlace& place) {
  return place.variable == nullptr ? place.path : "$" + std::string(place.variable) + " " + place.path;
}

// Another user could replace what is in its own folder, and owns it after `sudo -E` or su.
Result<void> check_place(const FolderPlace& place) {
  if (place.variable == nullptr) return {};
  struct stat there {};
  if (stat(place.path.c_str(), &there) != 0) return os_failure(errno);
  if (there.st_uid != geteuid() && there.st_uid != 0) return Failure("belongs to uid " + std::to_string(there.st_uid));
  if (geteuid() == 0 && !lets_all_pass(place.path)) return Failure("not accessible to every user");
  return {};
}

}  // namespace

std::string given_runtime_directory() {
  const char* value = getenv("RUNTIME_DIRECTORY");
  const std::string_view all = value == nullptr ? std::string_view() : value;
  return std::string(all.substr(0, all.find(':')));
}

RuntimeDirectory::RuntimeDirectory(const std::string& pool_name) : RuntimeDirectory(pool_name, Former()) {}

// The folder of the former master is locked first: else it is a leftover.
RuntimeDirectory::RuntimeDirectory(const std::string& pool_name, Former former)
    : name_(std::string(folder_prefix) + pool_name) {
  const bool goes_on = take_over(std::move(former));
  for (const FolderPlace& place : places()) {
    if (check_place(place)) remove_leftovers(place.path);
  }
  if (!goes_on) take();
}

bool RuntimeDirectory::take_over(Former former) {
  if (former.path.empty() || !fits_sockets(former.path)) return false;
  if (!former.lock) {
    Result<UniqueFd> folder = lock_folder(former.path);
    if (!folder) return false;
    former.lock = std::move(*folder);
  }
  fcntl(former.lock.get(), F_SETFD, FD_CLOEXEC);
  locked_ = std::move(former.lock);
  path_ = std::move(former.path);
  made_here_ = path_ != given_runtime_directory();
  remove_sockets(locked_.get(), former.sockets);
  return true;
}

bool RuntimeDirectory::renew() {
  if (is_at(path_, locked_.get())) return false;
  if (!make_again()) take();
  return true;
}

// The path is in the environment of the running workers. Rejected: making its parent, too. Where a parent vanishes
// (logind removes /run/user/UID) this user cannot make it, and if root did, it would be in the way of its real owner.
bool RuntimeDirectory::make_again() {
  if (mkdir(path_.c_str(), folder_mode) != 0) return false;
  chmod(path_.c_str(), folder_mode);
  Result<UniqueFd> folder = lock_folder(path_);
  if (!folder) return false;
  locked_ = std::move(*folder);
  return true;
}

void RuntimeDirectory::take() {
  std::string tried;
  const auto note = [&tried](const std::string& what, const std::string& why) {
    tried += (tried.empty() ? "" : "; ") + what + ": " + why;
  };
  if (const std::string given = given_runtime_directory(); !given.empty()) {
    const Result<void> taken = take_given(given);
    if (taken) return;
    note("$RUNTIME_DIRECTORY " + given, taken.error().text);
  }
  for (const FolderPlace& place : places()) {
    Result<void> made = check_place(place);
    if (made) made = make_in(place.path);
    if (made) return;
    note(describe(place), made.error().text);
  }
  throw ExitError(exit_code::unavailable,
                  "cannot create a folder for notify sockets: " + tried +
                      "; set RUNTIME_DIRECTORY or TMPDIR to a folder that belongs to this user");
}

Result<void> RuntimeDirectory::take_given(const std::string& path) {
  if (!fits_sockets(path)) return Failure(std::string(too_long));
  Result<UniqueFd> folder = lock_folder(path);
  if (!folder) return Failure(folder.error());
  locked_ = std::move(*folder);
  path_ = path;
  made_here_ = false;
  remove_sockets(locked_.get());
  return {};
}

Result<void> RuntimeDirectory::make_in(const std::string& place) {
  const std::string pattern = place + "/" + name_ + std::string(unique_part);
  if (!fits_sockets(pattern)) return Failure(std::string(too_long));
  // A master that starts at the same time may take the new folder for a leftover before it is locked.
  Error failure("");
  for (int attempt = 0; attempt < 10; ++attempt) {
    std::string made = pattern;
    if (mkdtemp(made.data()) == nullptr) return os_failure(errno);
    chmod(made.c_str(), folder_mode);  // also because the umask may have removed our own rights
    Result<UniqueFd> folder = lock_folder(made);
    if (folder) {
      locked_ = std::move(*folder);
      path_ = made;
      made_here_ = true;
      return {};
    }
    failure = folder.error();
    rmdir(made.c_str());
  }
  return Failure(failure);
}

RuntimeDirectory::~RuntimeDirectory() {
  remove_sockets(locked_.get());
  if (made_here_) rmdir(path_.c_str());
}

std::string RuntimeDirectory::new_socket_path() const {
  constexpr std::string_view characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<unsigned char, secret_size> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    throw std::system_error(errno, std::system_category(), "getrandom");
  }
  std::string path = path_ + "/" + std::string(socket_prefix);
  for (const unsigned char byte : random) path += characters[byte % characters.size()];
  return path;
}

bool RuntimeDirectory::holds(const std::string& socket_path) const { return socket_path.starts_with(path_ + "/"); }

}  // namespace preforkd
