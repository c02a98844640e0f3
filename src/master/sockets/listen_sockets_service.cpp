// SPDX-License-Identifier: MIT
// ListenSockets as systemd's service: sockets that are passed, stored and bound beside each other.
#include <sys/stat.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/bound_path.hpp"
#include "base/escape.hpp"
#include "base/listener.hpp"
#include "master/base/apply_command.hpp"
#include "master/base/log.hpp"
#include "master/sockets/listen_sockets.hpp"

namespace preforkd {
namespace {

ino_t number_of(int fd) noexcept {
  struct stat status {};
  return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

// Whether it has options that a socket gets at its start.
bool changed_since(const std::vector<ListenConfig>& started, const ListenConfig& listen) {
  const auto before =
      std::find_if(started.begin(), started.end(), [&](const ListenConfig& each) { return each.text == listen.text; });
  const auto options = [](const ListenConfig& of) { return std::tie(of.backlog, of.mode, of.user, of.group); };
  return before != started.end() && options(*before) != options(listen);
}

}  // namespace

std::string ListenSockets::stored_name(int fd) { return "preforkd-listener-" + std::to_string(number_of(fd)); }

void ListenSockets::take_stored(std::vector<Socket> stored, const PoolConfig& config) {
  const std::size_t passed = sockets_.size();
  for (Socket& socket : stored) {
    found_stored_.push_back(std::exchange(socket.name, unnamed));
    const auto is_same = [&](const Socket& other) { return number_of(other.fd.get()) == number_of(socket.fd.get()); };
    if (std::any_of(sockets_.begin(), sockets_.end(), is_same)) continue;
    const bool is_wanted = config.listen.empty() ? passed == 0 : take_stored_one(socket, config);
    if (!is_wanted) {
      log::info("no longer listening on " + format_address(socket.address) + ", which systemd had stored");
      end_listener(socket.fd.get());
      continue;
    }
    socket.origin = Origin::stored;
    sockets_.push_back(std::move(socket));
  }
  passed_ = !sockets_.empty() && (passed > 0 || config.listen.empty());  // without "listen" they stand for those
}

// A passed socket wins. A UNIX socket whose path is gone is of no use.
bool ListenSockets::take_stored_one(Socket& socket, const PoolConfig& config) {
  const std::vector<int> pairs = pair_up(config.listen);
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    const Address& wanted = config.listen[entry].address;
    if (pairs[entry] >= 0) continue;
    if (!wanted.is_unix_path()) {
      if (wanted != socket.address) continue;
      socket.wanted = wanted;
      socket.options = options_of(config.listen[entry]);
      return true;
    }
    const std::string path = wanted.unix_name();
    const bool by_systemd = wanted == socket.address;
    if (!by_systemd && !is_bound_beside(socket.address.unix_name(), path)) continue;
    Result<BoundPath> file = by_systemd ? BoundPath::at(path) : BoundPath::of_bound(socket.fd.get(), path);
    if (!file || !file->stands() || is_shut_down(socket.fd.get())) return false;
    socket.options = options_of(config.listen[entry]);
    socket.path = std::move(*file);
    socket.address = socket.wanted = wanted;
    return true;
  }
  return false;
}

std::vector<ListenSockets::Inherited> ListenSockets::of_service(const PoolConfig& config) const {
  std::vector<bool> listed(sockets_.size());
  std::vector<Inherited> inherited;
  const std::vector<int> pairs = pair_up(config.listen);
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    if (pairs[entry] < 0) continue;
    const auto i = static_cast<std::size_t>(pairs[entry]);
    listed[i] = true;
    inherited.push_back({sockets_[i].fd.get(), config.listen[entry].name, format_address(sockets_[i].address)});
  }
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    const Socket& socket = sockets_[i];
    if (!listed[i] && socket.origin == Origin::passed)
      inherited.push_back({socket.fd.get(), socket.name, format_address(socket.address)});
  }
  return inherited;
}

std::vector<std::string> ListenSockets::unlike_units(const std::vector<ListenConfig>& started,
                                                     const PoolConfig& config) const {
  std::vector<std::string> unlike;
  if (!is_service()) return unlike;
  const std::vector<int> pairs = pair_up(config.listen);
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    const int pair = pairs[entry];
    const ListenConfig& listen = config.listen[entry];
    const bool held = pair >= 0 && sockets_[static_cast<std::size_t>(pair)].origin == Origin::passed;
    if (!held || changed_since(started, listen)) unlike.push_back(escape_bytes(listen.text));
  }
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    const bool listed = std::find(pairs.begin(), pairs.end(), static_cast<int>(i)) != pairs.end();
    const bool is_passed = sockets_[i].origin == Origin::passed;
    if (!listed && is_passed != config.listen.empty()) unlike.push_back(format_address(sockets_[i].address));
  }
  return unlike;
}

std::vector<std::string> ListenSockets::differences_of_service(const PoolConfig& config) const {
  std::vector<std::string> found;
  for (const std::string& path : lost_paths())
    found.push_back("no client can connect to " + path + ": its path is gone; systemctl restart " + socket_unit_);
  const std::string then = "; to fix this: " + apply_command(config.name);
  const auto not_held = [&](const std::string& address, Origin origin) {
    const char* const why =
        origin == Origin::stored ? ": preforkd keeps it from before" : ": preforkd has bound it itself";
    return socket_unit_ + " does not hold " + address + why + then;
  };
  const std::vector<int> pairs = pair_up(config.listen);
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    const std::string& text = config.listen[entry].text;
    const std::string address = escape_bytes(text);
    const Socket* const socket = pairs[entry] < 0 ? nullptr : &sockets_[static_cast<std::size_t>(pairs[entry])];
    if (socket == nullptr) {
      const auto reason = not_bound_.find(text);
      found.push_back((reason == not_bound_.end() ? "not listening on " + address : reason->second) +
                      "; to have systemd open it: " + apply_command(config.name));
    } else if (socket->origin != Origin::passed) {
      found.push_back(not_held(address, socket->origin));
    }
  }
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    const Socket& socket = sockets_[i];
    const bool listed = std::find(pairs.begin(), pairs.end(), static_cast<int>(i)) != pairs.end();
    if (listed || (socket.origin == Origin::passed) == config.listen.empty()) continue;
    if (config.listen.empty()) {
      found.push_back(not_held(format_address(socket.address), socket.origin));
      continue;
    }
    found.push_back("listening on " + format_address(socket.address) + " (" + escape_bytes(socket.name) +
                    "), which systemd passed and the config does not list" + then);
  }
  return found;
}

}  // namespace preforkd
