// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/unique_fd.hpp"
#include "master/process/notify_message.hpp"

namespace preforkd {

// The datagram socket that one worker's NOTIFY_SOCKET names; so who sent a message is known without asking for
// credentials, and one worker's flood fills its own queue only. Removes its path at the end.
class NotifySocket {
 public:
  // Binds `path`, replacing what may be there: the folder is ours alone. Only our own user can send. Throws
  // std::system_error.
  explicit NotifySocket(std::string path);
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;
  ~NotifySocket();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  // Descriptors that came along are closed when the Datagram goes: after its message was acted upon, which is what
  // BARRIER=1 waits for.
  struct Datagram {
    NotifyMessage message;
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
};

}  // namespace preforkd
