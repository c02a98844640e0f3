// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"

namespace preforkd {

// The folder of systemd's RuntimeDirectory=, the first one if there are several; empty if there is none.
[[nodiscard]] std::string given_runtime_directory();

// A folder for one master's notify sockets, locked as long as the master lives. It is $RUNTIME_DIRECTORY if systemd
// made one, else a new preforkd.NAME.XXXXXX in $XDG_RUNTIME_DIR, /run (root only), $TMPDIR or /tmp, whichever works
// first. A folder that a variable names must belong to this user (or to root), since its owner may rename what is in
// it; and for root every user must be able to reach it, since its workers may change their user. They can pass through
// the folder (0711), but not list it: the sockets in it have names that cannot be guessed.
class RuntimeDirectory {
 public:
  // Removes the folders, of any pool, that killed masters of this user have left in these places; their locks are free.
  // Throws ExitError that names every place and what is wrong with it.
  explicit RuntimeDirectory(const std::string& pool_name);

  // The folder of an earlier master, whose workers live.
  struct Former {
    std::string path;
    UniqueFd lock;                     // lock() of its RuntimeDirectory, if it is open in this process
    std::vector<std::string> sockets;  // the paths of these workers
  };
  // Takes that folder over, without removing those sockets. If it can't be locked (it is gone, or another master has
  // it), as the other constructor.
  RuntimeDirectory(const std::string& pool_name, Former former);
  RuntimeDirectory(const RuntimeDirectory&) = delete;
  RuntimeDirectory& operator=(const RuntimeDirectory&) = delete;
  // Removes the folder if it was made here, else our files in it.
  ~RuntimeDirectory();

  // Makes the folder again if it is gone, at the same place if possible: $XDG_RUNTIME_DIR is removed with its user's
  // last session, and /tmp may be cleaned up. False if it was there. Throws ExitError as the constructor does; the next
  // call tries again.
  bool renew();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  // A descriptor that keeps the folder locked.
  [[nodiscard]] int lock() const noexcept { return locked_.get(); }
  // A path for a new notify socket, short enough for the address of a UNIX socket. Throws std::system_error.
  [[nodiscard]] std::string new_socket_path() const;
  // Whether that path is in the present folder.
  [[nodiscard]] bool holds(const std::string& socket_path) const;

 private:
  [[nodiscard]] bool take_over(Former former);
  void take();
  // They change nothing if they fail.
  [[nodiscard]] Result<void> take_given(const std::string& path);
  [[nodiscard]] Result<void> make_in(const std::string& place);
  [[nodiscard]] bool make_again();

  const std::string name_;  // preforkd.NAME
  std::string path_;
  UniqueFd locked_;
  bool made_here_ = false;
};

}  // namespace preforkd
