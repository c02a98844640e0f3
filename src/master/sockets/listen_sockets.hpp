// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
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
// for either works, but not both at a time on one socket. What the workers of a failed reload have changed is put back,
// and passed sockets are given back as they came. The master itself never accepts.
//
// A reload of a pool that bound its sockets itself is a transaction here, too: stage() binds what is new, then workers
// of both configs start side by side, each with the sockets of its own (of()), then commit() ends what is no longer
// listed, or abandon() what was new: a client is refused at once, whatever workers still hold the socket. A socket that
// both configs list is never touched: it keeps its queue. Passed sockets stay what they are: systemd's .socket unit
// decides.
//
// As systemd's service (`socket_unit` is given) they are mixed: what the socket unit passed, then what the master
// before had stored with systemd (report/listener_store.hpp), and what neither has is bound here, since serving is
// better than refusing. Sockets that are stored outlive this object, so that the next master finds them.
class ListenSockets {
 public:
  enum class Origin : std::uint8_t { bound, passed, stored };

  // Takes LISTEN_FDS and its relatives out of the environment, so it finds passed sockets once. A descriptor whose name
  // begins with "preforkd-" and does not listen is closed: what another version has stored is not a reason not to
  // serve. `socket_unit`: of the service that this runs as. Throws ExitError: another passed descriptor that is not
  // a listening stream socket, an address that can't be bound, or no socket at all.
  [[nodiscard]] static ListenSockets open(const PoolConfig& config, std::string socket_unit = {});

  ListenSockets(ListenSockets&&) noexcept = default;
  ListenSockets& operator=(ListenSockets&&) noexcept;
  ~ListenSockets() { close(); }

  // Closes all. Those that were bound here end for all who hold them, so that no client waits for a process that was
  // left over, and their UNIX paths are removed, if they are still the sockets made for them. What was passed, or is
  // stored, lives on.
  void close() noexcept;

  // True if systemd decides which sockets there are.
  [[nodiscard]] bool passed() const noexcept { return passed_ || is_service(); }
  [[nodiscard]] bool any_passed() const noexcept { return passed_; }
  // True if sockets are to be stored with systemd.
  [[nodiscard]] bool is_service() const noexcept { return !socket_unit_.empty(); }
  // The names of all that systemd had stored at the start, used or not. The sockets are stored under names of their
  // own, which end with the socket's number in the kernel.
  [[nodiscard]] const std::vector<std::string>& found_stored() const noexcept { return found_stored_; }
  [[nodiscard]] static std::string stored_name(int fd);
  // The names of stored sockets that were passed, too. Leaves the environment as it is.
  [[nodiscard]] static std::vector<std::string> stored_and_passed();
  // Nothing is stored any more: close() ends what was bound here.
  void leave_none_behind() noexcept { leaves_all_ = false; }

  // Local addresses as a person reads them.
  [[nodiscard]] std::vector<std::string> addresses() const;

  // What a worker started from `config` gets, in this order. Descriptors are borrowed.
  struct Inherited {
    int fd = -1;
    std::string name;     // for LISTEN_FDNAMES
    std::string address;  // as a person reads it
  };
  [[nodiscard]] std::vector<Inherited> of(const PoolConfig& config) const;

  // How `listen` of a config differs from the sockets that were passed, and which of those have lost their path, one
  // sentence each, for the log. Empty where they were not passed. As a service, with what mends it.
  [[nodiscard]] std::vector<std::string> differences(const PoolConfig& config) const;

  // As a service: addresses that `listen` of the config has and systemd does not hold, or holds with other options than
  // when this was `started`, and those that it holds and the config does not have.
  [[nodiscard]] std::vector<std::string> unlike_units(const std::vector<ListenConfig>& started,
                                                      const PoolConfig& config) const;

  // Addresses of UNIX sockets whose path is gone or leads to something else, so that no client can connect: it was
  // removed, or a symbolic link in it was switched. A socket can't get a path again: stage() binds another one, for new
  // workers.
  [[nodiscard]] std::vector<std::string> lost_paths() const;

  // Binds what `next` lists and is not there yet, or has lost its path, or was shut down and can't listen again. If one
  // can't be bound nothing has changed; but as a service it is left to systemd, and differences() tells the reason.
  // What an earlier stage() bound and `next` does not list is ended.
  [[nodiscard]] Result<void> stage(const PoolConfig& next);

  struct Changes {
    std::vector<std::string> opened;  // addresses
    std::vector<std::string> closed;
    std::vector<std::string> problems;  // options of a socket that could not be changed or had to be, a sentence each
  };
  // `config`, which was staged, is the one that counts from now on: ends what it does not list, for workers that still
  // hold it, too (a ListenWatch must be told before the loop turns), and gives the sockets that were there before its
  // backlog, mode and owner.
  Changes commit(const PoolConfig& config);
  // Ends what stage() has bound since the last commit(). What all holders of a socket share, O_NONBLOCK and the queue's
  // length, is put back where new workers have changed it; a sentence each, for the log.
  std::vector<std::string> abandon();

  // Addresses of sockets that came blocking and that workers have made non-blocking.
  [[nodiscard]] std::vector<std::string> made_nonblocking() const;

  // Each socket that is there, staged ones, too.
  struct Open {
    int fd = -1;  // borrowed
    Address address;
    int backlog = 0;
    int file = -1;  // borrowed: of its UNIX path
    Origin origin = Origin::bound;
    bool staged = false;
  };
  [[nodiscard]] std::vector<Open> all() const;

 private:
  static constexpr const char* unnamed = "unknown";  // what sd_listen_fds_with_names(3) calls a socket without a name

  struct Socket {
    UniqueFd fd;
    std::string name;  // of a passed one
    Address address;   // its own
    Address wanted;    // as the config says it, maybe with port 0; of a passed one its own
    ListenOptions options;
    BoundPath path;  // a passed one's: what stood there at the start
    Origin origin = Origin::bound;
    bool staged = false;
    bool nonblocking = false;                // as it came
    std::optional<bool> nonblocking_before;  // the reload that runs
    bool shortened = false;                  // the log has said that a worker did
  };

  ListenSockets() noexcept = default;
  void take_inherited(int count, char** names, const PoolConfig& config);
  void take_stored(std::vector<Socket> stored, const PoolConfig& config);
  [[nodiscard]] bool take_stored_one(Socket& socket, const PoolConfig& config);
  [[nodiscard]] std::vector<Inherited> of_service(const PoolConfig& config) const;
  [[nodiscard]] std::vector<std::string> differences_of_service(const PoolConfig& config) const;
  [[nodiscard]] std::string own_in_the_way(const ListenConfig& listen) const;
  [[nodiscard]] static Result<Socket> bind(const ListenConfig& listen);
  // For each entry the socket that it means, an index of sockets_, or none. No socket twice.
  using Pair = std::optional<std::size_t>;
  [[nodiscard]] std::vector<Pair> pair_up(const std::vector<ListenConfig>& listen) const;
  [[nodiscard]] static bool has_lost_path(const Socket& socket) noexcept;
  [[nodiscard]] static bool is_lost(const Socket& socket) noexcept;
  static void end(Socket& socket) noexcept;
  static void update(Socket& socket, const ListenConfig& listen, Changes& changes);
  static void restore_queue(Socket& socket, std::vector<std::string>& problems);
  void note_flags() noexcept;
  [[nodiscard]] std::vector<std::string> put_back_flags();

  std::vector<Socket> sockets_;
  bool passed_ = false;
  std::string socket_unit_;
  bool leaves_all_ = false;
  std::vector<std::string> found_stored_;
  std::map<std::string, std::string> not_bound_;  // entries of the last stage(), with the reason
};

}  // namespace preforkd
