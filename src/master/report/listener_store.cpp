// SPDX-License-Identifier: MIT
#include "master/report/listener_store.hpp"

#include <utility>

namespace preforkd {

void ListenerStore::keep(const ListenSockets& sockets) {
  if (!sockets.has_socket_unit()) return clear();
  std::set<std::string> present;
  for (const ListenSockets::Open& socket : sockets.all()) {
    if (socket.staged) continue;
    const std::string name = ListenSockets::stored_name(socket.fd);
    if (stored_.contains(name) || notifier_.store(name, {socket.fd})) present.insert(name);
  }
  for (const std::string& name : stored_) {
    if (!present.contains(name)) notifier_.remove_stored(name);
  }
  stored_ = std::move(present);
}

void ListenerStore::clear() {
  for (const std::string& name : std::exchange(stored_, {})) notifier_.remove_stored(name);
}

void ListenerStore::leave_to_units(const InheritedDescriptors& inherited) {
  EventLoop loop;
  Notifier notifier(loop);
  for (const std::string& name : ListenSockets::stored_and_passed(inherited)) notifier.remove_stored(name);
}

}  // namespace preforkd
