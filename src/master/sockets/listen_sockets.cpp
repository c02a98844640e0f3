// SPDX-License-Identifier: MIT
#include "master/sockets/listen_sockets.hpp"

#include <fcntl.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <string_view>
#include <utility>

#include "base/accept_queue.hpp"
#include "base/errors.hpp"
#include "base/escape.hpp"
#include "master/base/log.hpp"

namespace preforkd {
namespace {

bool is_nonblocking(int fd) noexcept { return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

// True if that was a change.
bool make_nonblocking(int fd, bool nonblocking) noexcept {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || ((flags & O_NONBLOCK) != 0) == nonblocking) return false;
  return fcntl(fd, F_SETFL, nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0;
}

// Of descriptors that preforkd itself keeps in systemd's store, which come back among the sockets.
constexpr std::string_view own_prefix = "preforkd-";
constexpr std::string_view stored_prefix = "preforkd-listener-";

// True if a socket bound as `wanted` may have the address `actual`: port 0 stands for any.
bool matches(const Address& wanted, const Address& actual) noexcept {
  return wanted == (wanted.has_any_port() ? actual.with_port(0) : actual);
}

[[noreturn]] void fail(int code, const std::string& object, const std::string& reason) {
  throw ExitError(code, "cannot listen: " + object + ": " + reason);
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

ListenSockets ListenSockets::open(const PoolConfig& config, std::string socket_unit) {
  ListenSockets sockets;
  sockets.socket_unit_ = std::move(socket_unit);
  sockets.leaves_all_ = sockets.is_service();
  NameList list;
  constexpr int unset_environment = 1;
  const int count = sd_listen_fds_with_names(unset_environment, &list.names);
  if (count < 0) fail(exit_code::unavailable, "LISTEN_FDS", errno_text(-count));
  sockets.take_inherited(count, list.names, config);
  if (sockets.passed_ && !sockets.is_service()) return sockets;
  if (!config.listen.empty()) {
    if (Result<void> bound = sockets.stage(config); !bound) {
      throw ExitError(exit_code::unavailable, bound.error());
    }
    if (sockets.sockets_.empty())
      throw ExitError(exit_code::unavailable, sockets.differences_of_service(config).front());
    sockets.commit(config);
  } else if (!sockets.sockets_.empty()) {
    return sockets;
  } else if (config.file.empty()) {
    throw ExitError(exit_code::usage,
                    "no socket to listen on: give --listen ADDRESS, or start it from a systemd .socket unit");
  } else {
    throw ExitError(exit_code::config, escape_bytes(config.file) +
                                           ": no socket to listen on: add \"listen\": "
                                           "[\"127.0.0.1:9505\"], or start it from a systemd .socket unit");
  }
  return sockets;
}

std::vector<std::string> ListenSockets::stored_and_passed() {
  NameList list;
  const int count = sd_listen_fds_with_names(0, &list.names);
  std::set<std::string> passed;
  std::vector<std::string> both;
  for (int i = 0; i < count; ++i) {
    if (!std::string_view(list.names[i]).starts_with(stored_prefix))
      passed.insert(stored_name(SD_LISTEN_FDS_START + i));
  }
  for (int i = 0; i < count; ++i) {
    const bool is_stored = std::string_view(list.names[i]).starts_with(stored_prefix);
    if (is_stored && passed.contains(stored_name(SD_LISTEN_FDS_START + i))) both.emplace_back(list.names[i]);
  }
  return both;
}

ListenSockets& ListenSockets::operator=(ListenSockets&& other) noexcept {
  if (this != &other) {
    close();
    sockets_ = std::move(other.sockets_);
    other.sockets_.clear();
    passed_ = other.passed_;
    socket_unit_ = std::move(other.socket_unit_);
    leaves_all_ = other.leaves_all_;
    found_stored_ = std::move(other.found_stored_);
    not_bound_ = std::move(other.not_bound_);
  }
  return *this;
}

void ListenSockets::take_inherited(int count, char** names, const PoolConfig& config) {
  std::vector<Socket> stored;
  for (int i = 0; i < count; ++i) {
    Socket socket;
    socket.fd.reset(SD_LISTEN_FDS_START + i);
    socket.name = names[i];
    const std::string object =
        "LISTEN_FDS: descriptor " + std::to_string(socket.fd.get()) + " (" + escape_bytes(socket.name) + ')';
    const auto address = check_listener(socket.fd.get());
    if (!address && socket.name.starts_with(own_prefix)) {
      log::debug(object + ": stored by another version of preforkd: ignored");
      continue;
    }
    if (!address) fail(exit_code::unavailable, object, address.error());
    socket.address = *address;
    socket.wanted = *address;
    socket.nonblocking = is_nonblocking(socket.fd.get());
    if (socket.name.starts_with(stored_prefix)) {
      stored.push_back(std::move(socket));
      continue;
    }
    socket.origin = Origin::passed;
    if (address->is_unix_path()) {
      if (Result<BoundPath> stands = BoundPath::at(address->unix_name())) socket.path = std::move(*stands);
    }
    if (const auto queue = accept_queue(socket.fd.get())) socket.options.backlog = static_cast<int>(queue->limit);
    sockets_.push_back(std::move(socket));
  }
  passed_ = !sockets_.empty();
  take_stored(std::move(stored), config);
}

std::vector<int> ListenSockets::pair_up(const std::vector<ListenConfig>& listen) const {
  using Fits = bool (*)(const Address& entry, const Socket& socket);
  // In this order, so that an entry with port 0 does not take the socket that another one names by its port.
  static constexpr std::array<Fits, 4> ways = {
      // Before the socket that has lost its path, for which it was bound.
      [](const Address& entry, const Socket& socket) { return socket.staged && socket.path && entry == socket.wanted; },
      [](const Address& entry, const Socket& socket) { return entry == socket.address; },
      [](const Address& entry, const Socket& socket) { return entry == socket.wanted; },
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

bool ListenSockets::has_lost_path(const Socket& socket) noexcept { return socket.path && !socket.path.stands(); }

// A TCP socket listens again at once (ListenWatch), and what holds an abstract name can't be bound beside it.
bool ListenSockets::is_lost(const Socket& socket) noexcept {
  return socket.path && (!socket.path.stands() || is_shut_down(socket.fd.get()));
}

// The path goes first: whoever takes it over must not find our socket dead and remove the file a second time.
void ListenSockets::end(Socket& socket) noexcept {
  socket.path.remove();
  end_listener(socket.fd.get());
  socket.fd.reset();
}

void ListenSockets::close() noexcept {
  for (Socket& socket : sockets_) {
    const bool lives_on = socket.origin == Origin::passed || (leaves_all_ && !socket.staged);
    if (lives_on) {
      make_nonblocking(socket.fd.get(), socket.nonblocking);
    } else {
      end(socket);
    }
  }
  sockets_.clear();
}

void ListenSockets::note_flags() noexcept {
  for (Socket& socket : sockets_) {
    if (!socket.nonblocking_before) socket.nonblocking_before = is_nonblocking(socket.fd.get());
  }
}

std::vector<std::string> ListenSockets::made_nonblocking() const {
  std::vector<std::string> made;
  for (const Socket& socket : sockets_) {
    if (!socket.nonblocking && is_nonblocking(socket.fd.get())) made.push_back(format_address(socket.address));
  }
  return made;
}

std::vector<std::string> ListenSockets::put_back_flags() {
  std::vector<std::string> changed;
  for (Socket& socket : sockets_) {
    const std::optional<bool> before = std::exchange(socket.nonblocking_before, std::nullopt);
    if (before && make_nonblocking(socket.fd.get(), *before)) changed.push_back(format_address(socket.address));
  }
  return changed;
}

std::vector<std::string> ListenSockets::lost_paths() const {
  std::vector<std::string> lost;
  for (const Socket& socket : sockets_) {
    if (!socket.staged && has_lost_path(socket)) lost.push_back(format_address(socket.address));
  }
  return lost;
}

std::vector<std::string> ListenSockets::addresses() const {
  std::vector<std::string> addresses;
  for (const Socket& socket : sockets_) addresses.push_back(format_address(socket.address));
  return addresses;
}

std::vector<ListenSockets::Open> ListenSockets::all() const {
  std::vector<Open> open;
  for (const Socket& socket : sockets_)
    open.push_back(
        {socket.fd.get(), socket.address, socket.options.backlog, socket.path.file(), socket.origin, socket.staged});
  return open;
}

std::vector<ListenSockets::Inherited> ListenSockets::of(const PoolConfig& config) const {
  if (is_service() && !config.listen.empty()) return of_service(config);
  const std::vector<int> pairs = pair_up(config.listen);
  std::vector<Inherited> inherited;
  if (!passed_) {
    for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
      if (pairs[entry] < 0) continue;
      const Socket& socket = sockets_[static_cast<std::size_t>(pairs[entry])];
      inherited.push_back({socket.fd.get(), config.listen[entry].name, format_address(socket.address)});
    }
    return inherited;
  }
  for (const Socket& socket : sockets_) {
    inherited.push_back(
        {socket.fd.get(), socket.name == unnamed ? config.name : socket.name, format_address(socket.address)});
  }
  // The config's name for an address is what the workers' author knows; systemd's default is its unit's name.
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    if (pairs[entry] >= 0) inherited[static_cast<std::size_t>(pairs[entry])].name = config.listen[entry].name;
  }
  return inherited;
}

std::vector<std::string> ListenSockets::differences(const PoolConfig& config) const {
  if (is_service()) return differences_of_service(config);
  if (!passed_) return {};
  std::vector<std::string> found;
  for (const std::string& path : lost_paths()) {
    found.push_back("no client can connect to " + path + ": its path is gone: restart the .socket unit that passed it");
  }
  if (config.listen.empty()) return found;
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
                    format_address((*namesake)->address) + ", but the config says " + wanted +
                    "; the .socket unit decides");
    left.erase(namesake);
  }
  for (const Socket* const socket : left) {
    found.push_back("listening on " + format_address(socket->address) + " (" + escape_bytes(socket->name) +
                    "), which systemd passed and the config does not list");
  }
  return found;
}

}  // namespace preforkd
