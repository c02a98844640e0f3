// SPDX-License-Identifier: MIT
#include "master/listen_sockets.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/errors.hpp"
#include "base/escape.hpp"
#include "base/listener.hpp"

namespace preforkd {
namespace {

constexpr std::string_view unnamed = "unknown";  // what sd_listen_fds_with_names(3) calls a socket without a name

std::uint16_t& port_of(Address& address) noexcept {
  if (address.family() == AF_INET) return reinterpret_cast<sockaddr_in*>(address.get())->sin_port;
  return reinterpret_cast<sockaddr_in6*>(address.get())->sin6_port;
}

// True if a socket bound as `wanted` may have the address `actual`: port 0 stands for any.
bool matches(Address wanted, const Address& actual) noexcept {
  if (wanted.family() != actual.family()) return false;
  if (wanted.family() != AF_UNIX && port_of(wanted) == 0) {
    Address copy = actual;
    port_of(wanted) = port_of(copy);
  }
  return wanted.length == actual.length && std::memcmp(wanted.get(), actual.get(), wanted.length) == 0;
}

[[noreturn]] void fail(int code, const std::string& object, const std::string& reason) {
  throw StartupError(code, "cannot listen: " + object + ": " + reason);
}

struct NameList {
  char** names = nullptr;
  NameList() = default;
  NameList(const NameList&) = delete;
  NameList& operator=(const NameList&) = delete;
  ~NameList() {
    for (char** name = names; name != nullptr && *name != nullptr; ++name) std::free(*name);
    std::free(names);
  }
};

ListenOptions options_of(const ListenConfig& listen) {
  ListenOptions options;
  options.backlog = listen.backlog;
  options.unix_mode = listen.mode;
  options.unix_user = listen.user;
  options.unix_group = listen.group;
  return options;
}

}  // namespace

ListenSockets ListenSockets::open(const PoolConfig& config) {
  ListenSockets sockets;
  NameList list;
  constexpr int unset_environment = 1;
  const int count = sd_listen_fds_with_names(unset_environment, &list.names);
  if (count < 0) fail(exit_code::unavailable, "LISTEN_FDS", errno_text(-count));
  if (count > 0) {
    sockets.take_passed(config, count, list.names);
  } else if (!config.listen.empty()) {
    sockets.bind(config);
  } else if (config.file.empty()) {
    throw StartupError(exit_code::usage,
                       "no socket to listen on: give --listen ADDRESS, or start it from a systemd .socket unit");
  } else {
    throw StartupError(exit_code::config, escape_bytes(config.file) +
                                              ": no socket to listen on: add \"listen\": "
                                              "[\"127.0.0.1:9505\"], or start it from a systemd .socket unit");
  }
  return sockets;
}

ListenSockets& ListenSockets::operator=(ListenSockets&& other) noexcept {
  if (this != &other) {
    close();
    sockets_ = std::move(other.sockets_);
    other.sockets_.clear();
    passed_ = other.passed_;
  }
  return *this;
}

void ListenSockets::take_passed(const PoolConfig& config, int count, char** names) {
  passed_ = true;
  for (int i = 0; i < count; ++i) sockets_.push_back({UniqueFd(SD_LISTEN_FDS_START + i), names[i], {}, {}, 0, 0});
  for (Socket& socket : sockets_) {
    const std::string object =
        "LISTEN_FDS: descriptor " + std::to_string(socket.fd.get()) + " (" + escape_bytes(socket.name) + ')';
    const auto address = check_listener(socket.fd.get());
    if (!address) fail(exit_code::unavailable, object, address.error());
    socket.address = *address;
    // The config's name for an address is what the workers' author knows; systemd's default is its unit's name.
    const auto entry = std::find_if(config.listen.begin(), config.listen.end(),
                                    [&](const ListenConfig& each) { return matches(each.address, socket.address); });
    if (entry != config.listen.end()) {
      socket.name = entry->name;
    } else if (socket.name == unnamed) {
      socket.name = config.name;
    }
  }
}

void ListenSockets::bind(const PoolConfig& config) {
  for (const ListenConfig& listen : config.listen) {
    auto fd = open_listener(listen.address, options_of(listen));
    if (!fd) fail(exit_code::unavailable, escape_bytes(listen.text), fd.error());
    Socket socket{std::move(*fd), listen.name, listen.address, {}, 0, 0};
    if (const auto actual = local_address(socket.fd.get())) socket.address = *actual;
    if (listen.address.is_unix_path()) {
      const std::string path = reinterpret_cast<const sockaddr_un*>(listen.address.get())->sun_path;
      struct stat status {};
      if (lstat(path.c_str(), &status) == 0) {
        socket.bound_path = path;
        socket.device = status.st_dev;
        socket.inode = status.st_ino;
      }
    }
    sockets_.push_back(std::move(socket));
  }
}

void ListenSockets::forget_path(Socket& socket) noexcept {
  if (socket.bound_path.empty()) return;
  struct stat status {};
  const bool ours = lstat(socket.bound_path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) &&
                    status.st_dev == socket.device && status.st_ino == socket.inode;
  if (ours) unlink(socket.bound_path.c_str());
  socket.bound_path.clear();
}

void ListenSockets::close() noexcept {
  // The path goes first: whoever takes it over must not find our socket dead and remove the file a second time.
  for (Socket& socket : sockets_) forget_path(socket);
  sockets_.clear();
}

std::vector<int> ListenSockets::fds() const {
  std::vector<int> fds;
  for (const Socket& socket : sockets_) fds.push_back(socket.fd.get());
  return fds;
}

std::vector<std::string> ListenSockets::names() const {
  std::vector<std::string> names;
  for (const Socket& socket : sockets_) names.push_back(socket.name);
  return names;
}

std::vector<std::string> ListenSockets::addresses() const {
  std::vector<std::string> addresses;
  for (const Socket& socket : sockets_) addresses.push_back(format_address(socket.address));
  return addresses;
}

std::vector<std::string> ListenSockets::differences(const PoolConfig& config) const {
  if (config.listen.empty()) return {};
  std::vector<std::string> found;
  std::vector<const Socket*> left;
  for (const Socket& socket : sockets_) left.push_back(&socket);
  const auto take = [&left](const auto& fits) -> const Socket* {
    const auto match = std::find_if(left.begin(), left.end(), [&](const Socket* socket) { return fits(*socket); });
    if (match == left.end()) return nullptr;
    const Socket* const socket = *match;
    left.erase(match);
    return socket;
  };

  // All addresses come first: a socket that has the address of one entry is not the one that another entry means by its
  // name.
  std::vector<const ListenConfig*> unmatched;
  for (const ListenConfig& listen : config.listen) {
    if (!take([&](const Socket& socket) { return matches(listen.address, socket.address); }))
      unmatched.push_back(&listen);
  }
  for (const ListenConfig* listen : unmatched) {
    const std::string wanted = escape_bytes(listen->text);
    if (const Socket* const socket = take([&](const Socket& each) { return each.name == listen->name; })) {
      found.push_back("socket " + escape_bytes(socket->name) + " listens on " + format_address(socket->address) +
                      " where the config says " + wanted +
                      (passed_ ? "; systemd's .socket unit decides" : "; restart to change it"));
    } else {
      found.push_back(
          "the config's listen address " + wanted +
          (passed_ ? " is not among the sockets that systemd passed" : " is not open yet; restart to open it"));
    }
  }
  for (const Socket* const socket : left) {
    found.push_back(
        "listening on " + format_address(socket->address) + " (" + escape_bytes(socket->name) + "), which " +
        (passed_ ? "systemd passed and the config does not list" : "the config lists no more; restart to close it"));
  }
  return found;
}

}  // namespace preforkd
