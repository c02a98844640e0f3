// SPDX-License-Identifier: MIT
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/file_identity.hpp"
#include "base/unique_fd.hpp"
#include "master/process/notify_message.hpp"

namespace preforkd {

// The datagram socket that one worker's NOTIFY_SOCKET names: each worker has its own, so that a flood fills only its
// own queue. Removes its path at the end.
//
// A worker may have changed its user, so every user may send; but only a sender that knows the path, which cannot be
// guessed or listed (RuntimeDirectory). /proc/net/unix shows every user the name that a socket was bound to: that is
// another one, from which it is renamed before others may send. Still, each message comes with its sender, for the
// owner to check.
class NotifySocket {
 public:
  // Binds `path`, and replaces what is there: the folder is ours alone. Throws std::system_error.
  explicit NotifySocket(std::string path);
  // Takes over `bound`, which an earlier master has bound to `path`. The path may no longer lead there: then
  // is_reachable() is false.
  NotifySocket(std::string path, UniqueFd bound);
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;
  ~NotifySocket();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  // Whether the path still leads to this socket; it, or its folder, may have been removed.
  [[nodiscard]] bool is_reachable() const noexcept;

  // Descriptors that came with it are closed when the Datagram is destroyed: after its message was handled, which is
  // what BARRIER=1 waits for.
  struct Datagram {
    NotifyMessage message;
    ucred sender{};  // as the kernel reports it
    std::vector<UniqueFd> descriptors;
  };
  struct Unusable {
    std::string reason;
  };
  struct Nothing {};
  using Received = std::variant<Nothing, Datagram, Unusable>;

  // Takes the next datagram off the queue. Never blocks.
  [[nodiscard]] Received receive();

 private:
  std::string path_;
  UniqueFd fd_;
  std::optional<FileIdentity> file_;  // that the path led to
};

}  // namespace preforkd
