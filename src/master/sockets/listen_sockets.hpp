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
#include "master/succession/inherited_descriptors.hpp"

namespace preforkd {

// A pool's listening sockets: passed by systemd (or systemd-socket-activate) in LISTEN_FDS, else bound as the config
// says. All are CLOEXEC. All holders of a socket share O_NONBLOCK, so that is left to the workers: passed sockets keep
// their flag, our own are blocking like those that systemd passes by default. A program written for either works, but
// not both at the same time on one socket. Changes made by the workers of a failed reload are undone, and passed
// sockets are returned as they came. The master itself never accepts.
//
// A reload of a pool that bound its sockets itself is a transaction here, too: stage() binds new addresses; then
// workers of both configs start side by side, each with the sockets of its own (of()); then commit() ends what is no
// longer listed, or abandon() what was new. Clients of an ended socket are refused at once, even if workers still hold
// it. A socket that both configs list is never touched: it keeps its queue. Passed sockets do not change: systemd's
// .socket unit decides.
//
// As systemd's service (`socket_unit` is given) they are mixed: those that the socket unit passed, then those that an
// earlier master stored with systemd (report/listener_store.hpp); what neither has is bound here, since serving is
// better than refusing. Stored sockets outlive this object, so that the next master finds them.
class ListenSockets {
 public:
  enum class Origin : std::uint8_t { bound, passed, stored };

  // Takes over all that was inherited. Closes a descriptor whose name begins with "preforkd-" and that does not listen:
  // something stored by another version must not keep the pool from serving. In a service also one without a name.
  // `socket_unit`: the socket unit of this service. Throws ExitError if another passed descriptor is not a listening
  // stream socket, if an address cannot be bound, or if there is no socket at all.
  [[nodiscard]] static ListenSockets open(const PoolConfig& config, std::string socket_unit = {},
                                          InheritedDescriptors inherited = InheritedDescriptors::take());

  ListenSockets(ListenSockets&&) noexcept = default;
  ListenSockets& operator=(ListenSockets&&) noexcept;
  ~ListenSockets() { close(); }

  // Closes all. Sockets bound here end for all holders, so that no client waits for a left-over process; their UNIX
  // paths are removed, if they still lead to them. Passed and stored sockets live on.
  void close() noexcept;

  // A pool with a socket unit is a service of systemd, which stores its sockets.
  [[nodiscard]] bool has_socket_unit() const noexcept { return !socket_unit_.empty(); }
  [[nodiscard]] bool any_passed() const noexcept { return passed_; }
  // Its units, and not the config, say which sockets there should be.
  [[nodiscard]] bool systemd_decides() const noexcept { return passed_ || has_socket_unit(); }
  // The names of all sockets that systemd had stored at the start, used or not. Sockets are stored under names that end
  // with the socket's number in the kernel.
  [[nodiscard]] const std::vector<std::string>& found_stored() const noexcept { return found_stored_; }
  [[nodiscard]] static std::string stored_name(int fd);
  // The names of stored sockets that were passed, too.
  [[nodiscard]] static std::vector<std::string> stored_and_passed(const InheritedDescriptors& inherited);
  // No socket is stored any more: close() ends what was bound here.
  void leave_none_behind() noexcept { leaves_all_ = false; }

  // Local addresses as text.
  [[nodiscard]] std::vector<std::string> addresses() const;

  // The sockets of a worker started from `config`, in this order. Descriptors are borrowed.
  struct Inherited {
    int fd = -1;
    std::string name;     // for LISTEN_FDNAMES
    std::string address;  // as text
  };
  [[nodiscard]] std::vector<Inherited> of(const PoolConfig& config) const;

  // How `listen` of a config differs from the passed sockets, and which of those have lost their path, one sentence
  // each, for the log. Empty if none were passed. As a service, with the command that fixes it.
  [[nodiscard]] std::vector<std::string> differences(const PoolConfig& config) const;

  // As a service: addresses in `listen` of the config that systemd does not hold, or holds with other options than when
  // this was `started`, and addresses that it holds and the config does not have.
  [[nodiscard]] std::vector<std::string> unlike_units(const std::vector<ListenConfig>& started,
                                                      const PoolConfig& config) const;

  // Addresses of UNIX sockets whose path is gone or leads to another file, so that clients cannot connect: the path was
  // removed, or a symbolic link in it was switched. A socket cannot get a path again: stage() binds another one, for
  // new workers.
  [[nodiscard]] std::vector<std::string> lost_paths() const;

  // Binds what `next` lists and is not open yet, or has lost its path, or was shut down and cannot listen again. If an
  // address cannot be bound, nothing has changed; as a service it is left to systemd instead, and differences() reports
  // why. Ends what an earlier stage() bound and `next` does not list.
  [[nodiscard]] Result<void> stage(const PoolConfig& next);

  struct Changes {
    std::vector<std::string> opened;  // addresses
    std::vector<std::string> closed;
    std::vector<std::string> problems;  // options of a socket that could not be changed or had to be, one sentence each
  };
  // Makes `config`, which was staged, the live one: ends what it does not list, also for workers that still hold it
  // (call ListenWatch::watch() before the loop's next turn), and gives the older sockets its backlog, mode and owner.
  Changes commit(const PoolConfig& config);
  // Ends what stage() has bound since the last commit(). O_NONBLOCK and the queue's length, which all holders of a
  // socket share, are restored if new workers have changed them; returns a sentence for each, for the log.
  std::vector<std::string> abandon();

  // Addresses of sockets that came blocking and that workers have made non-blocking.
  [[nodiscard]] std::vector<std::string> made_nonblocking() const;

  // The numbers in the kernel of those that are not blocking now, as their workers want them. systemd makes them
  // blocking for the next master, and so for workers that it adopts.
  [[nodiscard]] std::vector<std::uint64_t> nonblocking() const;
  void make_nonblocking_again(const std::vector<std::uint64_t>& numbers) noexcept;
  // By which open() of a next master in this process knows them.
  [[nodiscard]] std::map<int, std::string> names() const;

  // Each open socket, including staged ones.
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
  static constexpr const char* unnamed = "unknown";  // sd_listen_fds_with_names(3)'s name for a socket without one

  struct Socket {
    UniqueFd fd;
    std::string name;  // of a passed socket
    Address address;   // its own
    Address wanted;    // from the config, maybe with port 0; for a passed socket its own
    ListenOptions options;
    BoundPath path;  // of a passed socket: the file at its path at the start
    Origin origin = Origin::bound;
    bool staged = false;
    bool nonblocking = false;                // as passed
    std::optional<bool> nonblocking_before;  // when the running reload began
    bool shortened = false;                  // the log has reported that a worker did it
  };

  ListenSockets() noexcept = default;
  void take_inherited(std::vector<InheritedDescriptors::Named> inherited, const PoolConfig& config);
  void take_stored(std::vector<Socket> stored, const PoolConfig& config);
  [[nodiscard]] bool take_stored_one(Socket& socket, const PoolConfig& config);
  [[nodiscard]] std::vector<Inherited> of_service(const PoolConfig& config) const;
  [[nodiscard]] std::vector<std::string> differences_of_service(const PoolConfig& config) const;
  [[nodiscard]] std::string own_in_the_way(const ListenConfig& listen) const;
  [[nodiscard]] static Result<Socket> bind(const ListenConfig& listen);
  // For each entry the index in sockets_ of its socket, or none. No socket twice.
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
