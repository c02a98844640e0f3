// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "master/base/event_loop.hpp"
#include "master/process/notify_socket.hpp"

namespace preforkd {

// Takes in what one worker says, so that neither it nor any number of them can hold up the rest of the master: what
// exceeds a sound program's needs is read slowly, and after everything else.
class NotifyInbox {
 public:
  using Take = std::function<void(const NotifySocket::Received&)>;  // a Datagram or an Unusable

  // Binds `path`. Throws std::system_error.
  NotifyInbox(EventLoop& loop, std::string path, Take take);
  NotifyInbox(const NotifyInbox&) = delete;
  NotifyInbox& operator=(const NotifyInbox&) = delete;
  ~NotifyInbox();

  [[nodiscard]] const std::string& path() const noexcept;
  // Whether the path still leads here.
  [[nodiscard]] bool is_reachable() const noexcept;
  // Binds the path again. A worker that is connected to the socket before is still heard there. Throws
  // std::system_error; then nothing has changed.
  void renew();

  // Takes what is in the queue at the moment of a worker's death, and nothing that comes later.
  void close();

 private:
  struct Ear;

  [[nodiscard]] std::unique_ptr<Ear> listen(std::string path);
  void on_readable(Ear& ear);
  [[nodiscard]] bool take_one(Ear& ear);

  EventLoop& loop_;
  Take take_;
  std::unique_ptr<Ear> ear_;
  std::unique_ptr<Ear> former_ear_;
};

}  // namespace preforkd
