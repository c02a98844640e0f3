// SPDX-License-Identifier: MIT
// ListenSockets: what a reload changes.
#include <sys/stat.h>
#include <sys/un.h>

#include <utility>

#include "base/escape.hpp"
#include "master/sockets/listen_sockets.hpp"

namespace preforkd {
namespace {

ListenOptions options_of(const ListenConfig& listen) {
  ListenOptions options;
  options.backlog = listen.backlog;
  options.unix_mode = listen.mode;
  options.unix_user = listen.user;
  options.unix_group = listen.group;
  return options;
}

}  // namespace

Result<ListenSockets::Socket> ListenSockets::bind(const ListenConfig& listen) {
  Socket socket;
  socket.options = options_of(listen);
  auto fd = open_listener(listen.address, socket.options);
  if (!fd) return Failure("cannot listen: " + escape_bytes(listen.text) + ": " + fd.error());
  socket.fd = std::move(*fd);
  socket.wanted = listen.address;
  socket.address = local_address(socket.fd.get()).value_or(listen.address);
  socket.staged = true;
  if (listen.address.is_unix_path()) {
    const std::string path = reinterpret_cast<const sockaddr_un*>(listen.address.get())->sun_path;
    struct stat status {};
    if (lstat(path.c_str(), &status) == 0) {
      socket.bound_path = path;
      socket.device = status.st_dev;
      socket.inode = status.st_ino;
    }
  }
  return socket;
}

Result<void> ListenSockets::stage(const PoolConfig& next) {
  if (passed_) return {};
  const std::vector<int> pairs = pair_up(next.listen);
  std::vector<Socket> fresh;
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    if (pairs[entry] >= 0) continue;
    Result<Socket> socket = bind(next.listen[entry]);
    if (!socket) {
      for (Socket& bound : fresh) forget_path(bound);
      return Failure(socket.error());
    }
    fresh.push_back(std::move(*socket));
  }
  std::vector<bool> wanted(sockets_.size());
  for (const int pair : pairs) {
    if (pair >= 0) wanted[static_cast<std::size_t>(pair)] = true;
  }
  for (std::size_t i = sockets_.size(); i-- > 0;) {
    if (wanted[i] || !sockets_[i].staged) continue;
    forget_path(sockets_[i]);
    sockets_.erase(sockets_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (Socket& socket : fresh) sockets_.push_back(std::move(socket));
  return {};
}

ListenSockets::Changes ListenSockets::commit(const PoolConfig& config) {
  Changes changes;
  if (passed_) return changes;
  const std::vector<int> pairs = pair_up(config.listen);
  std::vector<Socket> kept;
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    if (pairs[entry] < 0) continue;
    kept.push_back(std::move(sockets_[static_cast<std::size_t>(pairs[entry])]));
    update(kept.back(), config.listen[entry], changes);
  }
  for (Socket& socket : sockets_) {
    if (!socket.fd) continue;
    forget_path(socket);
    changes.closed.push_back(format_address(socket.address));
  }
  sockets_ = std::move(kept);
  return changes;
}

void ListenSockets::update(Socket& socket, const ListenConfig& listen, Changes& changes) {
  const std::string address = format_address(socket.address);
  socket.wanted = listen.address;
  if (std::exchange(socket.staged, false)) {
    changes.opened.push_back(address);
    return;
  }
  const ListenOptions options = options_of(listen);
  if (options == socket.options) return;
  if (!socket.bound_path.empty() && !owns_path(socket)) {
    changes.problems.push_back(address + ": its path is somebody else's now, so mode and owner stay");
  } else if (const Result<void> changed = change_listener(socket.fd.get(), socket.address, options); !changed) {
    changes.problems.push_back(address + ": " + changed.error());
  } else {
    socket.options = options;
  }
}

void ListenSockets::abandon() noexcept {
  for (Socket& socket : sockets_) {
    if (socket.staged) forget_path(socket);
  }
  std::erase_if(sockets_, [](const Socket& socket) { return socket.staged; });
}

}  // namespace preforkd
