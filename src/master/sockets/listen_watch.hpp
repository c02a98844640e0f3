// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "master/base/event_loop.hpp"
#include "master/sockets/listen_sockets.hpp"

namespace preforkd {

// Notices what ends a listening socket for all holders, or for its clients: a worker has called shutdown(2) on it
// (close(2) closes only one's own descriptor), or its UNIX path was removed or replaced. Makes a TCP socket listen
// again at once; for a UNIX socket it logs what to do. Costs no wake-up as long as the sockets listen: of a path it
// watches the file (inotify), not the folder. The next reload notices a symbolic link that was switched.
class ListenWatch {
 public:
  explicit ListenWatch(EventLoop& loop) noexcept : loop_(loop) {}

  // Watches these sockets, which it borrows, and no others from now on. Call it when sockets were opened or closed. A
  // socket that cannot be watched, for lack of descriptors or memory, is logged and serves all the same.
  void watch(const ListenSockets& sockets);

 private:
  // One socket, with a descriptor of its own: the epoll set keeps a socket whose descriptor is closed elsewhere as long
  // as a worker holds it.
  struct Watched {
    UniqueFd fd;
    Address address;
    int backlog = 0;
    bool passed = false;
    EventSource source;
  };
  // Throws std::system_error.
  [[nodiscard]] std::unique_ptr<Watched> watch_one(const ListenSockets::Open& socket, bool passed);
  static void on_shut_down(Watched& watched);
  void watch_paths(const ListenSockets& sockets);
  void on_path_changed(const ListenSockets& sockets);

  EventLoop& loop_;
  std::vector<std::unique_ptr<Watched>> watched_;
  UniqueFd inotify_;
  EventSource path_source_;
  std::vector<std::string> lost_paths_;  // already logged
};

}  // namespace preforkd
