// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/errors.hpp"
#include "base/listener.hpp"
#include "base/unique_fd.hpp"
#include "config/values/pool_config.hpp"

namespace preforkd {

// A pool's listening sockets: those that systemd (or systemd-socket-activate) passed in LISTEN_FDS, else bound from the
// config. All are CLOEXEC. O_NONBLOCK is shared by all who hold a socket, so it is left to the workers: passed sockets
// keep what they came with, our own are blocking as those that systemd passes by default. A program that was written
// for either works. The master itself never accepts.
//
// A reload of a pool that bound its sockets itself is a transaction here, too: stage() binds what is new, then workers
// of both configs start side by side, each with the sockets of its own (of()), then commit() closes what is no longer
// listed, or abandon() what was new. A socket that both configs list is never touched: it keeps its queue. Passed
// sockets stay what they are: systemd's .socket unit decides.
class ListenSockets {
 public:
  // Takes LISTEN_FDS and its relatives out of the environment, so it finds passed sockets once. Throws StartupError: a
  // passed descriptor that is no listening stream socket, an address that can't be bound, or no socket at all.
  [[nodiscard]] static ListenSockets open(const PoolConfig& config);

  ListenSockets(ListenSockets&&) noexcept = default;
  ListenSockets& operator=(ListenSockets&&) noexcept;
  ~ListenSockets() { close(); }

  // Closes all and removes the UNIX paths that were bound here, if they are still the sockets made for them. What was
  // passed is never removed.
  void close() noexcept;

  // True if the sockets were passed, not bound.
  [[nodiscard]] bool passed() const noexcept { return passed_; }

  // Local addresses as a person reads them.
  [[nodiscard]] std::vector<std::string> addresses() const;

  // What a worker started from `config` gets, in this order. Descriptors are borrowed.
  struct Inherited {
    int fd = -1;
    std::string name;  // for LISTEN_FDNAMES
  };
  [[nodiscard]] std::vector<Inherited> of(const PoolConfig& config) const;

  // How `listen` of a config differs from the sockets that were passed, one sentence a difference, for the log. Empty
  // where they were not passed or the config has no "listen".
  [[nodiscard]] std::vector<std::string> differences(const PoolConfig& config) const;

  // Binds what `next` lists and is not there yet. If one can't be had nothing has changed. What an earlier stage()
  // bound and `next` does not list is closed.
  [[nodiscard]] Result<void> stage(const PoolConfig& next);

  struct Changes {
    std::vector<std::string> opened;  // addresses
    std::vector<std::string> closed;
    std::vector<std::string> problems;  // options of a socket that could not be changed, one sentence each
  };
  // `config`, which was staged, is the one that counts from now on: closes what it does not list, gives the sockets
  // that were there before its backlog, mode and owner.
  Changes commit(const PoolConfig& config);
  // Closes what stage() has bound since the last commit().
  void abandon() noexcept;

  // Each socket that is there, staged ones, too.
  struct Open {
    int fd = -1;  // borrowed
    Address address;
    int backlog = 0;
  };
  [[nodiscard]] std::vector<Open> all() const;

 private:
  struct Socket {
    UniqueFd fd;
    std::string name;  // of a passed one
    Address address;   // its own
    Address wanted;    // as the config says it, maybe with port 0; of a passed one its own
    ListenOptions options;
    std::string bound_path;  // set only where we made the path
    dev_t device = 0;
    ino_t inode = 0;
    bool staged = false;
  };

  ListenSockets() noexcept = default;
  void take_passed(int count, char** names);
  [[nodiscard]] static Result<Socket> bind(const ListenConfig& listen);
  // For each entry the socket that it means, an index of sockets_, or none (-1). No socket twice.
  [[nodiscard]] std::vector<int> pair_up(const std::vector<ListenConfig>& listen) const;
  [[nodiscard]] static bool owns_path(const Socket& socket) noexcept;
  static void forget_path(Socket& socket) noexcept;
  static void update(Socket& socket, const ListenConfig& listen, Changes& changes);

  std::vector<Socket> sockets_;
  bool passed_ = false;
};

}  // namespace preforkd
