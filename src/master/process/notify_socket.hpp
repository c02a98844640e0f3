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

// The datagram socket that one worker's NOTIFY_SOCKET names: one worker's flood fills its own queue only. Removes its
// path at the end.
//
// A worker may have changed its user, so every user may send; but only one that knows the path, which can't be guessed
// nor looked up (RuntimeDirectory). /proc/net/unix shows everybody what a socket was bound to: that is another name,
// from which it is renamed before others may send. Still, each message comes with its sender, for the owner to judge.
class NotifySocket {
 public:
  // Binds `path`, replacing what may be there: the folder is ours alone. Throws std::system_error.
  explicit NotifySocket(std::string path);
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;
  ~NotifySocket();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  // Whether the path still leads here: somebody may have removed it, or its folder.
  [[nodiscard]] bool is_reachable() const noexcept;

  // Descriptors that came along are closed when the Datagram goes: after its message was acted upon, which is what
  // BARRIER=1 waits for.
  struct Datagram {
    NotifyMessage message;
    ucred sender{};  // as the kernel says
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
  std::optional<FileIdentity> file_;  // what the path led to
};

}  // namespace preforkd
