// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "base/unique_fd.hpp"

namespace preforkd {

// A folder of mode 0700 for one master's notify sockets, locked as long as the master lives. It is $RUNTIME_DIRECTORY
// if systemd made one, else a new preforkd-NAME.XXXXXX under $XDG_RUNTIME_DIR, /run (root only), $TMPDIR or /tmp,
// whichever works first. Folders that killed masters of the same name left are recognised by their free lock and
// removed.
class RuntimeDirectory {
 public:
  // Throws StartupError that names the last place that was tried.
  explicit RuntimeDirectory(const std::string& pool_name);
  RuntimeDirectory(const RuntimeDirectory&) = delete;
  RuntimeDirectory& operator=(const RuntimeDirectory&) = delete;
  // Removes the folder if it was made here, else what is in it of ours.
  ~RuntimeDirectory();

  // Takes another folder if this one is gone: $XDG_RUNTIME_DIR ends with its user's last session, and somebody may
  // clean up in /tmp. Workers that run keep the sockets that they have. Throws StartupError as the constructor does;
  // the next call tries again.
  void renew();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  // Where the worker with this number gets its notify socket. Short enough for a UNIX socket's address.
  [[nodiscard]] std::string socket_path(unsigned long long worker) const;

 private:
  void take();
  [[nodiscard]] bool take_given();

  std::string pool_name_;
  std::string path_;
  UniqueFd locked_;
  bool made_here_ = false;
};

}  // namespace preforkd
