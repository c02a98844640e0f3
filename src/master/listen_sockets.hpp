// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/unique_fd.hpp"
#include "master/pool_config.hpp"

namespace preforkd {

// A pool's listening sockets: those that systemd (or systemd-socket-activate) passed in LISTEN_FDS, else bound from the
// config. All are CLOEXEC. O_NONBLOCK is shared by all who hold a socket, so it is left to the workers: passed sockets
// keep what they came with, our own are blocking as those that systemd passes by default. A program that was written
// for either works. The master itself never accepts.
class ListenSockets {
 public:
  // Takes LISTEN_FDS and its relatives out of the environment, so it finds passed sockets once. Throws StartupError: a
  // passed descriptor that is no listening stream socket, an address that can't be bound, or no socket at all.
  [[nodiscard]] static ListenSockets open(const PoolConfig& config);

  ListenSockets(ListenSockets&&) noexcept = default;
  ListenSockets& operator=(ListenSockets&&) noexcept;
  ~ListenSockets() { close(); }

  // Closes all and removes the UNIX paths that open() bound, if they are still the sockets it made. What was passed is
  // never removed.
  void close() noexcept;

  // True if the sockets were passed, not bound.
  [[nodiscard]] bool passed() const noexcept { return passed_; }
  [[nodiscard]] std::size_t size() const noexcept { return sockets_.size(); }

  // One each for every socket, in the same order: descriptors (borrowed), LISTEN_FDNAMES, local addresses as a person
  // reads them.
  [[nodiscard]] std::vector<int> fds() const;
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] std::vector<std::string> addresses() const;

  // How `listen` of a config differs from the sockets that are held, one sentence a difference, for the log. Passed
  // sockets win over the config, and a reload keeps the sockets it has. A config without "listen" differs in nothing.
  [[nodiscard]] std::vector<std::string> differences(const PoolConfig& config) const;

 private:
  struct Socket {
    UniqueFd fd;
    std::string name;
    Address address;
    std::string bound_path;  // set only where we made the path
    dev_t device = 0;
    ino_t inode = 0;
  };

  ListenSockets() noexcept = default;
  void take_passed(const PoolConfig& config, int count, char** names);
  void bind(const PoolConfig& config);
  static void forget_path(Socket& socket) noexcept;

  std::vector<Socket> sockets_;
  bool passed_ = false;
};

}  // namespace preforkd
