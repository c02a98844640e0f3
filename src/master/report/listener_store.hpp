// SPDX-License-Identifier: MIT
#pragma once

#include <set>
#include <string>

#include "master/report/notifier.hpp"
#include "master/sockets/listen_sockets.hpp"

namespace preforkd {

// Has systemd keep the listening sockets of its service, each once, for the next master: after a crash, and at a
// restart also those that the socket unit has lost (a daemon-reload that changed its addresses) or never had (a reload
// bound them). systemd drops them when the service stops for good.
class ListenerStore {
 public:
  // What is stored at the start is what `sockets` has found. Borrows the notifier.
  ListenerStore(Notifier& notifier, const ListenSockets& sockets)
      : notifier_(notifier), stored_(sockets.found_stored().begin(), sockets.found_stored().end()) {}

  // Stores what is there now, and nothing else.
  void keep(const ListenSockets& sockets);
  // Has nothing stored any more: a socket unit that is to bind an address must find it free.
  void clear();

  // For a start that fails: what a socket unit has passed is safe there, and is not stored any more, so that the unit
  // can bind it again if it is restarted while its service waits for the next start.
  static void leave_to_units();

 private:
  Notifier& notifier_;
  std::set<std::string> stored_;
};

}  // namespace preforkd
