// SPDX-License-Identifier: MIT
#include "master/sockets/listen_sockets.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <string_view>
#include <utility>

#include "base/accept_queue.hpp"
#include "base/address_overlap.hpp"
#include "base/apply_command.hpp"
#include "base/bound_path.hpp"
#include "base/escape.hpp"
#include "base/file_identity.hpp"
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

bool is_stored(const std::string& name) {
  const auto parsed = DescriptorName::parse(name);
  return parsed && parsed->kind == DescriptorName::Kind::listener;
}

// True if a socket bound as `wanted` may have the address `actual`: port 0 matches any port.
bool matches(const Address& wanted, const Address& actual) noexcept {
  return wanted == (wanted.has_any_port() ? actual.with_port(0) : actual);
}

[[noreturn]] void fail(int code, const std::string& object, const std::string& reason) {
  throw ExitError(code, "cannot listen: " + object + ": " + reason);
}

// Whether it has changed options that a socket gets only at its start.
bool changed_since(const std::vector<ListenConfig>& started, const ListenConfig& listen) {
  const auto before =
      std::find_if(started.begin(), started.end(), [&](const ListenConfig& each) { return each.text == listen.text; });
  return before != started.end() && before->options != listen.options;
}

}  // namespace

ListenSockets ListenSockets::open(const PoolConfig& config, std::string socket_unit, InheritedDescriptors inherited) {
  ListenSockets sockets;
  sockets.socket_unit_ = std::move(socket_unit);
  sockets.leaves_all_ = sockets.has_socket_unit();
  sockets.take_inherited(inherited.take_all(), config);
  if (sockets.passed_ && !sockets.has_socket_unit()) return sockets;
  if (!config.listen.empty()) {
    if (Result<void> bound = sockets.stage(config); !bound) {
      throw ExitError(exit_code::unavailable, bound.error().text);
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

std::vector<std::string> ListenSockets::stored_and_passed(const InheritedDescriptors& inherited) {
  std::set<std::string> passed;
  std::vector<std::string> both;
  for (const InheritedDescriptors::Named& each : inherited.all()) {
    if (!is_stored(each.name)) passed.insert(stored_name(each.fd.get()));
  }
  for (const InheritedDescriptors::Named& each : inherited.all()) {
    if (is_stored(each.name) && passed.contains(stored_name(each.fd.get()))) both.push_back(each.name);
  }
  return both;
}

void ListenSockets::take_inherited(std::vector<InheritedDescriptors::Named> inherited, const PoolConfig& config) {
  std::vector<Socket> stored;
  for (InheritedDescriptors::Named& each : inherited) {
    Socket socket;
    socket.fd = std::move(each.fd);
    socket.name = std::move(each.name);
    const std::string object =
        "LISTEN_FDS: descriptor " + std::to_string(socket.fd.get()) + " (" + escape_bytes(socket.name) + ')';
    const auto address = check_listener(socket.fd.get());
    // A socket unit's always have a name. What was stored has none if a wrapper has removed LISTEN_FDNAMES.
    const bool lacks_name = has_socket_unit() && socket.name == unnamed;
    if (!address && (lacks_name || socket.name.starts_with(own_prefix))) {
      log::debug(object + ": stored by another version of preforkd, or its name is lost: ignored");
      continue;
    }
    if (!address) fail(exit_code::unavailable, object, address.error().text);
    socket.address = *address;
    socket.wanted = *address;
    socket.nonblocking = is_nonblocking(socket.fd.get());
    if (is_stored(socket.name)) {
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

std::string ListenSockets::stored_name(int fd) {
  const FileIdentity socket = FileIdentity::of(fd).value_or(FileIdentity{});
  return DescriptorName{DescriptorName::Kind::listener, socket.inode}.text();
}

void ListenSockets::take_stored(std::vector<Socket> stored, const PoolConfig& config) {
  const std::size_t passed = sockets_.size();
  for (Socket& socket : stored) {
    found_stored_.push_back(std::exchange(socket.name, unnamed));
    const std::optional<FileIdentity> identity = FileIdentity::of(socket.fd.get());
    const auto is_same = [&](const Socket& other) { return same_file(FileIdentity::of(other.fd.get()), identity); };
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
  passed_ = !sockets_.empty() && (passed > 0 || config.listen.empty());  // without "listen" they define the addresses
}

// A passed socket has precedence. A UNIX socket whose path is gone is of no use.
bool ListenSockets::take_stored_one(Socket& socket, const PoolConfig& config) {
  const std::vector<Pair> pairs = pair_up(config.listen);
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    const Address& wanted = config.listen[entry].address;
    if (pairs[entry]) continue;
    if (!wanted.is_unix_path()) {
      if (!matches(wanted, socket.address)) continue;
      socket.wanted = wanted;
      socket.options = config.listen[entry].options;
      return true;
    }
    const std::string path = wanted.unix_name();
    const bool by_systemd = wanted == socket.address;
    if (!by_systemd && !is_bound_beside(socket.address.unix_name(), path)) continue;
    Result<BoundPath> file = by_systemd ? BoundPath::at(path) : BoundPath::of_bound(socket.fd.get(), path);
    if (!file || !file->stands() || is_shut_down(socket.fd.get())) return false;
    socket.options = config.listen[entry].options;
    socket.path = std::move(*file);
    socket.address = socket.wanted = wanted;
    return true;
  }
  return false;
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

void ListenSockets::close() noexcept {
  for (Socket& socket : sockets_) {
    const bool lives_on = socket.origin == Origin::passed || (leaves_all_ && !socket.staged);
    if (lives_on) {
      make_nonblocking(socket.fd.get(), socket.nonblocking);
      constexpr timeval none{};
      setsockopt(socket.fd.get(), SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);  // libprefork sets it
    } else {
      end(socket);
    }
  }
  sockets_.clear();
}

// Removes the path first: a process that takes it over must not find our socket dead and remove the file again.
void ListenSockets::end(Socket& socket) noexcept {
  socket.path.remove();
  end_listener(socket.fd.get());
  socket.fd.reset();
}

std::vector<ListenSockets::Pair> ListenSockets::pair_up(const std::vector<ListenConfig>& listen) const {
  using Fits = bool (*)(const Address& entry, const Socket& socket);
  // In this order, so that an entry with port 0 does not take the socket that another entry names by its port.
  static constexpr std::array<Fits, 4> ways = {
      // Before the socket that has lost its path, which it replaces.
      [](const Address& entry, const Socket& socket) { return socket.staged && socket.path && entry == socket.wanted; },
      [](const Address& entry, const Socket& socket) { return entry == socket.address; },
      [](const Address& entry, const Socket& socket) { return entry == socket.wanted; },
      [](const Address& entry, const Socket& socket) { return matches(entry, socket.address); },
  };
  std::vector<Pair> found(listen.size());
  std::vector<bool> taken(sockets_.size());
  for (const Fits fits : ways) {
    for (std::size_t entry = 0; entry < listen.size(); ++entry) {
      for (std::size_t i = 0; i < sockets_.size() && !found[entry]; ++i) {
        if (taken[i] || !fits(listen[entry].address, sockets_[i])) continue;
        found[entry] = i;
        taken[i] = true;
      }
    }
  }
  return found;
}

bool ListenSockets::has_lost_path(const Socket& socket) noexcept { return socket.path && !socket.path.stands(); }

// A TCP socket listens again at once (ListenWatch), and an abstract name cannot be bound a second time while it is
// held.
bool ListenSockets::is_lost(const Socket& socket) noexcept {
  return socket.path && (!socket.path.stands() || is_shut_down(socket.fd.get()));
}

std::vector<std::string> ListenSockets::addresses() const {
  std::vector<std::string> addresses;
  for (const Socket& socket : sockets_) addresses.push_back(format_address(socket.address));
  return addresses;
}

std::vector<std::uint64_t> ListenSockets::nonblocking() const {
  std::vector<std::uint64_t> found;
  for (const Socket& socket : sockets_) {
    if (is_nonblocking(socket.fd.get()))
      found.push_back(FileIdentity::of(socket.fd.get()).value_or(FileIdentity{}).inode);
  }
  return found;
}

void ListenSockets::make_nonblocking_again(const std::vector<std::uint64_t>& numbers) noexcept {
  for (const Socket& socket : sockets_) {
    const std::uint64_t number = FileIdentity::of(socket.fd.get()).value_or(FileIdentity{}).inode;
    if (std::find(numbers.begin(), numbers.end(), number) != numbers.end()) make_nonblocking(socket.fd.get(), true);
  }
}

std::map<int, std::string> ListenSockets::names() const {
  std::map<int, std::string> names;
  for (const Socket& socket : sockets_) {
    if (!socket.staged)
      names[socket.fd.get()] = socket.origin == Origin::passed ? socket.name : stored_name(socket.fd.get());
  }
  return names;
}

std::vector<ListenSockets::Open> ListenSockets::all() const {
  std::vector<Open> open;
  for (const Socket& socket : sockets_)
    open.push_back(
        {socket.fd.get(), socket.address, socket.options.backlog, socket.path.file(), socket.origin, socket.staged});
  return open;
}

std::vector<ListenSockets::Inherited> ListenSockets::of(const PoolConfig& config) const {
  if (has_socket_unit() && !config.listen.empty()) return of_service(config);
  const std::vector<Pair> pairs = pair_up(config.listen);
  std::vector<Inherited> inherited;
  if (!passed_) {
    for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
      if (!pairs[entry]) continue;
      const Socket& socket = sockets_[*pairs[entry]];
      inherited.push_back({socket.fd.get(), config.listen[entry].name, format_address(socket.address)});
    }
    return inherited;
  }
  for (const Socket& socket : sockets_) {
    inherited.push_back(
        {socket.fd.get(), socket.name == unnamed ? config.name : socket.name, format_address(socket.address)});
  }
  // The worker's author knows the config's name for an address; systemd's default is the name of its unit.
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    if (pairs[entry]) inherited[*pairs[entry]].name = config.listen[entry].name;
  }
  return inherited;
}

std::vector<ListenSockets::Inherited> ListenSockets::of_service(const PoolConfig& config) const {
  std::vector<bool> listed(sockets_.size());
  std::vector<Inherited> inherited;
  const std::vector<Pair> pairs = pair_up(config.listen);
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    if (!pairs[entry]) continue;
    const std::size_t i = *pairs[entry];
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

Result<ListenSockets::Socket> ListenSockets::bind(const ListenConfig& listen) {
  Socket socket;
  socket.options = listen.options;
  auto opened = open_listener(listen.address, listen.options);
  if (!opened) return failure_at("cannot listen: " + escape_bytes(listen.text), opened.error());
  socket.fd = std::move(opened->fd);
  socket.path = std::move(opened->path);
  socket.wanted = listen.address;
  socket.address =
      socket.path ? listen.address : local_address(socket.fd.get()).value_or(listen.address);  // maybe of port 0
  socket.staged = true;
  return socket;
}

Result<void> ListenSockets::stage(const PoolConfig& next) {
  note_flags();
  if (passed_ && !has_socket_unit()) return {};
  not_bound_.clear();
  const std::vector<Pair> pairs = pair_up(next.listen);
  std::vector<Socket> fresh;
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    const Socket* const there = pairs[entry] ? &sockets_[*pairs[entry]] : nullptr;
    if (there != nullptr && there->origin == Origin::passed) continue;
    const bool other_families = there != nullptr && there->options.ipv6_only != next.listen[entry].options.ipv6_only;
    if (there != nullptr && !is_lost(*there) && !other_families) continue;
    Result<Socket> socket = bind(next.listen[entry]);
    if (!socket) socket.error().text += own_in_the_way(next.listen[entry]);
    if (!socket && has_socket_unit()) {
      not_bound_[next.listen[entry].text] = socket.error().text;
      continue;
    }
    if (!socket) {
      for (Socket& bound : fresh) end(bound);
      return Failure(socket.error());
    }
    fresh.push_back(std::move(*socket));
  }
  std::vector<bool> wanted(sockets_.size());
  for (const Pair& pair : pairs) {
    if (pair) wanted[*pair] = true;
  }
  for (std::size_t i = sockets_.size(); i-- > 0;) {
    if (wanted[i] || !sockets_[i].staged) continue;
    end(sockets_[i]);
    sockets_.erase(sockets_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (Socket& socket : fresh) sockets_.push_back(std::move(socket));
  return {};
}

// The kernel lets 0.0.0.0:80 listen only after 127.0.0.1:80 has ended, and the other way round; switching in one step
// would drop the connections in the old one's queue.
std::string ListenSockets::own_in_the_way(const ListenConfig& listen) const {
  if (listen.address.port().value_or(0) == 0) return {};
  for (const Socket& socket : sockets_) {
    if (!socket.address.port() || !overlap(endpoint_of(socket.address), socket.options.ipv6_only,
                                           endpoint_of(listen.address), listen.options.ipv6_only))
      continue;
    const std::string own = format_address(socket.address);
    return ": conflicts with the pool's own " + own + ": remove that in one reload and add " +
           format_address(listen.address) + " in the next, or restart the pool";
  }
  return {};
}

ListenSockets::Changes ListenSockets::commit(const PoolConfig& config) {
  Changes changes;
  for (Socket& socket : sockets_) {
    socket.nonblocking_before.reset();
    if (socket.origin == Origin::passed) restore_queue(socket, changes.problems);
  }
  if (passed_ && !has_socket_unit()) return changes;
  const std::vector<Pair> pairs = pair_up(config.listen);
  std::vector<Socket> kept;
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    if (!pairs[entry]) continue;
    kept.push_back(std::move(sockets_[*pairs[entry]]));
    update(kept.back(), config.listen[entry], changes);
  }
  for (Socket& socket : sockets_) {
    if (!socket.fd) continue;
    if (socket.origin == Origin::passed) {
      kept.push_back(std::move(socket));
      continue;
    }
    end(socket);
    changes.closed.push_back(format_address(socket.address));
  }
  sockets_ = std::move(kept);
  return changes;
}

void ListenSockets::update(Socket& socket, const ListenConfig& listen, Changes& changes) {
  if (socket.origin == Origin::passed) return;
  const std::string address = format_address(socket.address);
  socket.wanted = listen.address;
  if (std::exchange(socket.staged, false)) {
    changes.opened.push_back(address);
    return;
  }
  if (listen.options == socket.options) return restore_queue(socket, changes.problems);
  if (const Result<void> changed = change_listener(socket.fd.get(), socket.path, listen.options); !changed) {
    changes.problems.push_back(address + ": " + changed.error().text);
  } else {
    socket.options = listen.options;
  }
}

// A worker that calls listen(2) sets the queue's length for all holders.
void ListenSockets::restore_queue(Socket& socket, std::vector<std::string>& problems) {
  const std::optional<AcceptQueue> before = accept_queue(socket.fd.get());
  if (!before || listen(socket.fd.get(), socket.options.backlog) != 0) return;
  const std::optional<AcceptQueue> after = accept_queue(socket.fd.get());
  if (!after || after->limit <= before->limit || std::exchange(socket.shortened, true)) return;
  problems.push_back(format_address(socket.address) + ": a worker has called listen(2) with a backlog of " +
                     std::to_string(before->limit) + " on the shared socket: it is " + std::to_string(after->limit) +
                     " again");
}

std::vector<std::string> ListenSockets::abandon() {
  for (Socket& socket : sockets_) {
    if (socket.staged) end(socket);
  }
  std::erase_if(sockets_, [](const Socket& socket) { return socket.staged; });
  std::vector<std::string> problems;
  for (const std::string& address : put_back_flags()) {
    problems.push_back(address + ": a new worker has changed O_NONBLOCK on the shared socket: restored");
  }
  for (Socket& socket : sockets_) restore_queue(socket, problems);
  return problems;
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

std::vector<std::string> ListenSockets::differences(const PoolConfig& config) const {
  if (has_socket_unit()) return differences_of_service(config);
  if (!passed_) return {};
  std::vector<std::string> found;
  for (const std::string& path : lost_paths()) {
    found.push_back("no client can connect to " + path + ": its path is gone: restart the .socket unit that passed it");
  }
  if (config.listen.empty()) return found;
  std::vector<const Socket*> left;
  for (const Socket& socket : sockets_) left.push_back(&socket);
  const std::vector<Pair> pairs = pair_up(config.listen);
  for (const Pair& pair : pairs) {
    if (pair) left[*pair] = nullptr;
  }
  std::erase(left, nullptr);
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    if (pairs[entry]) continue;
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

std::vector<std::string> ListenSockets::unlike_units(const std::vector<ListenConfig>& started,
                                                     const PoolConfig& config) const {
  std::vector<std::string> unlike;
  if (!has_socket_unit()) return unlike;
  const std::vector<Pair> pairs = pair_up(config.listen);
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    const Pair pair = pairs[entry];
    const ListenConfig& listen = config.listen[entry];
    const bool held = pair && sockets_[*pair].origin == Origin::passed;
    if (!held || changed_since(started, listen)) unlike.push_back(escape_bytes(listen.text));
  }
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    const bool listed = std::find(pairs.begin(), pairs.end(), Pair(i)) != pairs.end();
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
  const std::vector<Pair> pairs = pair_up(config.listen);
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    const std::string& text = config.listen[entry].text;
    const std::string address = escape_bytes(text);
    const Socket* const socket = pairs[entry] ? &sockets_[*pairs[entry]] : nullptr;
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
    const bool listed = std::find(pairs.begin(), pairs.end(), Pair(i)) != pairs.end();
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
