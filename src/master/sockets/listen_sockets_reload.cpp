// SPDX-License-Identifier: MIT
// ListenSockets: what a reload changes.
#include <sys/socket.h>

#include <utility>

#include "base/accept_queue.hpp"
#include "base/address_overlap.hpp"
#include "base/escape.hpp"
#include "master/sockets/listen_sockets.hpp"

namespace preforkd {

ListenOptions ListenSockets::options_of(const ListenConfig& listen) {
  ListenOptions options;
  options.backlog = listen.backlog;
  options.unix_mode = listen.mode;
  options.unix_user = listen.user;
  options.unix_group = listen.group;
  options.ipv6_only = listen.ipv6_only;
  return options;
}

Result<ListenSockets::Socket> ListenSockets::bind(const ListenConfig& listen) {
  Socket socket;
  socket.options = options_of(listen);
  auto opened = open_listener(listen.address, socket.options);
  if (!opened) return Failure("cannot listen: " + escape_bytes(listen.text) + ": " + opened.error());
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
  if (passed_ && !is_service()) return {};
  not_bound_.clear();
  const std::vector<int> pairs = pair_up(next.listen);
  std::vector<Socket> fresh;
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    const Socket* const there = pairs[entry] >= 0 ? &sockets_[static_cast<std::size_t>(pairs[entry])] : nullptr;
    if (there != nullptr && there->origin == Origin::passed) continue;
    const bool other_families = there != nullptr && there->options.ipv6_only != next.listen[entry].ipv6_only;
    if (there != nullptr && !is_lost(*there) && !other_families) continue;
    Result<Socket> socket = bind(next.listen[entry]);
    if (!socket && is_service()) {
      not_bound_[next.listen[entry].text] = socket.error() + own_in_the_way(next.listen[entry]);
      continue;
    }
    if (!socket) {
      for (Socket& bound : fresh) end(bound);
      return Failure(socket.error() + own_in_the_way(next.listen[entry]));
    }
    fresh.push_back(std::move(*socket));
  }
  std::vector<bool> wanted(sockets_.size());
  for (const int pair : pairs) {
    if (pair >= 0) wanted[static_cast<std::size_t>(pair)] = true;
  }
  for (std::size_t i = sockets_.size(); i-- > 0;) {
    if (wanted[i] || !sockets_[i].staged) continue;
    end(sockets_[i]);
    sockets_.erase(sockets_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (Socket& socket : fresh) sockets_.push_back(std::move(socket));
  return {};
}

// The kernel lets 0.0.0.0:80 listen only once 127.0.0.1:80 does not, and the other way round; switching in one step
// would drop the connections that wait in the old one's queue.
std::string ListenSockets::own_in_the_way(const ListenConfig& listen) const {
  if (listen.address.port().value_or(0) == 0) return {};
  for (const Socket& socket : sockets_) {
    if (!socket.address.port() ||
        !overlap(endpoint_of(socket.address), socket.options.ipv6_only, endpoint_of(listen.address), listen.ipv6_only))
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
  if (passed_ && !is_service()) return changes;
  const std::vector<int> pairs = pair_up(config.listen);
  std::vector<Socket> kept;
  for (std::size_t entry = 0; entry < pairs.size(); ++entry) {
    if (pairs[entry] < 0) continue;
    kept.push_back(std::move(sockets_[static_cast<std::size_t>(pairs[entry])]));
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
  const ListenOptions options = options_of(listen);
  if (options == socket.options) return restore_queue(socket, changes.problems);
  if (const Result<void> changed = change_listener(socket.fd.get(), socket.path, options); !changed) {
    changes.problems.push_back(address + ": " + changed.error());
  } else {
    socket.options = options;
  }
}

// A worker that calls listen(2) sets the queue's length for all.
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

}  // namespace preforkd
