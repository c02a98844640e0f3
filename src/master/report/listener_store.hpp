// SPDX-License-Identifier: MIT
#pragma once

#include <set>
#include <string>

#include "master/report/notifier.hpp"
#include "master/sockets/listen_sockets.hpp"

namespace preforkd {

// Has systemd keep the listening sockets of its service, each once, for the next master: after a crash, and at a
// restart also those that the socket unit has lost (a daemon-reload that changed its addresses) or never had (a reload
// bound them). systemd drops them when the service is stopped.
class ListenerStore {
 public:
  // The store initially holds what `sockets` has found. Borrows the notifier.
  ListenerStore(Notifier& notifier, const ListenSockets& sockets)
      : notifier_(notifier), stored_(sockets.found_stored().begin(), sockets.found_stored().end()) {}

  // Stores exactly the present sockets.
  void keep(const ListenSockets& sockets);
  // Empties the store: a socket unit must find an address free to bind it.
  void clear();

  // For a start that fails: removes from the store the sockets that a socket unit has passed, and so holds itself. The
  // unit can then bind them again if it is restarted while its service waits for the next start.
  static void leave_to_units(const InheritedDescriptors& inherited);

 private:
  Notifier& notifier_;
  std::set<std::string> stored_;
};

}  // namespace preforkd
