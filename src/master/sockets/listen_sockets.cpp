// SPDX-License-Identifier: MIT
#include "master/sockets/listen_sockets.hpp"

#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/errors.hpp"
#include "base/escape.hpp"

namespace preforkd {
namespace {

constexpr std::string_view unnamed = "unknown";  // what sd_listen_fds_with_names(3) calls a socket without a name

std::uint16_t& port_of(Address& address) noexcept {
  if (address.family() == AF_INET) return reinterpret_cast<sockaddr_in*>(address.get())->sin_port;
  return reinterpret_cast<sockaddr_in6*>(address.get())->sin6_port;
}

bool same(const Address& left, const Address& right) noexcept {
  return left.length == right.length && std::memcmp(left.get(), right.get(), left.length) == 0;
}

// True if a socket bound as `wanted` may have the address `actual`: port 0 stands for any.
bool matches(Address wanted, const Address& actual) noexcept {
  if (wanted.family() != actual.family()) return false;
  if (wanted.family() != AF_UNIX && port_of(wanted) == 0) {
    Address copy = actual;
    port_of(wanted) = port_of(copy);
  }
  return same(wanted, actual);
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

}  // namespace

ListenSockets ListenSockets::open(const PoolConfig& config) {
  ListenSockets sockets;
  NameList list;
  constexpr int unset_environment = 1;
  const int count = sd_listen_fds_with_names(unset_environment, &list.names);
  if (count < 0) fail(exit_code::unavailable, "LISTEN_FDS", errno_text(-count));
  if (count > 0) {
    sockets.take_passed(count, list.names);
  } else if (!config.listen.empty()) {
    if (Result<void> bound = sockets.stage(config); !bound) {
      throw StartupError(exit_code::unavailable, bound.error());
    }
    sockets.commit(config);
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

void ListenSockets::take_passed(int count, char** names) {
  passed_ = true;
  for (int i = 0; i < count; ++i) {
    sockets_.emplace_back();
    sockets_.back().fd.reset(SD_LISTEN_FDS_START + i);
    sockets_.back().name = names[i];
  }
  for (Socket& socket : sockets_) {
    const std::string object =
        "LISTEN_FDS: descriptor " + std::to_string(socket.fd.get()) + " (" + escape_bytes(socket.name) + ')';
    const auto address = check_listener(socket.fd.get());
    if (!address) fail(exit_code::unavailable, object, address.error());
    socket.address = *address;
    socket.wanted = *address;
  }
}

std::vector<int> ListenSockets::pair_up(const std::vector<ListenConfig>& listen) const {
  using Fits = bool (*)(const Address& entry, const Socket& socket);
  // In this order, so that an entry with port 0 does not take the socket that another one names by its port.
  static constexpr std::array<Fits, 3> ways = {
      [](const Address& entry, const Socket& socket) { return same(entry, socket.address); },
      [](const Address& entry, const Socket& socket) { return same(entry, socket.wanted); },
      [](const Address& entry, const Socket& socket) { return matches(entry, socket.address); },
  };
  std::vector<int> found(listen.size(), -1);
  std::vector<bool> taken(sockets_.size());
  for (const Fits fits : ways) {
    for (std::size_t entry = 0; entry < listen.size(); ++entry) {
      for (std::size_t i = 0; i < sockets_.size() && found[entry] < 0; ++i) {
        if (taken[i] || !fits(listen[entry].address, sockets_[i])) continue;
        found[entry] = static_cast<int>(i);
        taken[i] = true;
      }
    }
  }
  return found;
}

bool ListenSockets::owns_path(const Socket& socket) noexcept {
  struct stat status {};
  return !socket.bound_path.empty() && lstat(socket.bound_path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) &&
         status.st_dev == socket.device && status.st_ino == socket.inode;
}

void ListenSockets::forget_path(Socket& socket) noexcept {
  if (owns_path(socket)) unlink(socket.bound_path.c_str());
  socket.bound_path.clear();
}

void ListenSockets::close() noexcept {
  // The path goes first: whoever takes it over must not find our socket dead and remove the file a second time.
  for (Socket& socket : sockets_) forget_path(socket);
  sockets_.clear();
}

std::vector<std::string> ListenSockets::addresses() const {
  std::vector<std::string> addresses;
  for (const Socket& socket : sockets_) addresses.push_back(format_address(socket.address));
  return addresses;
}

std::vector<ListenSockets::Open> ListenSockets::all() const {
  std::vector<Open> open;
  for (const Socket& socket : sockets_) open.push_back({socket.fd.get(), socket.address, socket.options.backlog});
  return open;
}

std::vector<ListenSockets::Inherited> ListenSockets::of(const PoolConfig& config) const {
  const std::vector<int> pairs = pair_up(config.listen);
  std::vector<Inherited> inherited;
  if (!passed_) {
    for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
      if (pairs[entry] < 0) continue;
      inherited.push_back({sockets_[static_cast<std::size_t>(pairs[entry])].fd.get(), config.listen[entry].name});
    }
    return inherited;
  }
  for (const Socket& socket : sockets_) {
    inherited.push_back({socket.fd.get(), socket.name == unnamed ? config.name : socket.name});
  }
  // The config's name for an address is what the workers' author knows; systemd's default is its unit's name.
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    if (pairs[entry] >= 0) inherited[static_cast<std::size_t>(pairs[entry])].name = config.listen[entry].name;
  }
  return inherited;
}

std::vector<std::string> ListenSockets::differences(const PoolConfig& config) const {
  if (!passed_ || config.listen.empty()) return {};
  std::vector<std::string> found;
  std::vector<const Socket*> left;
  for (const Socket& socket : sockets_) left.push_back(&socket);
  const std::vector<int> pairs = pair_up(config.listen);
  for (const int pair : pairs) {
    if (pair >= 0) left[static_cast<std::size_t>(pair)] = nullptr;
  }
  std::erase(left, nullptr);
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    if (pairs[entry] >= 0) continue;
    const ListenConfig& listen = config.listen[entry];
    const std::string wanted = escape_bytes(listen.text);
    const auto namesake =
        std::find_if(left.begin(), left.end(), [&](const Socket* socket) { return socket->name == listen.name; });
    if (namesake == left.end()) {
      found.push_back("the config's listen address " + wanted + " is not among the sockets that systemd passed");
      continue;
    }
    found.push_back("socket " + escape_bytes((*namesake)->name) + " listens on " +
                    format_address((*namesake)->address) + " where the config says " + wanted +
                    "; systemd's .socket unit decides");
    left.erase(namesake);
  }
  for (const Socket* const socket : left) {
    found.push_back("listening on " + format_address(socket->address) + " (" + escape_bytes(socket->name) +
                    "), which systemd passed and the config does not list");
  }
  return found;
}

}  // namespace preforkd
