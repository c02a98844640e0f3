// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"
#include "master/process/notify_socket.hpp"

namespace preforkd {

// Reads the notify messages of one worker, within the bounds of FloodLimit.
class NotifyInbox {
 public:
  using Take = std::function<void(const NotifySocket::Received&)>;  // a Datagram or an Unusable

  // Binds `path`. Throws std::system_error.
  NotifyInbox(EventLoop& loop, std::string path, Take take);
  // Takes over the socket of an earlier master, as NotifySocket does, with the messages that wait in it. Throws
  // std::system_error.
  NotifyInbox(EventLoop& loop, std::string path, UniqueFd bound, Take take);
  NotifyInbox(const NotifyInbox&) = delete;
  NotifyInbox& operator=(const NotifyInbox&) = delete;
  ~NotifyInbox();

  [[nodiscard]] const std::string& path() const noexcept;
  [[nodiscard]] int fd() const noexcept;
  // Whether the path still leads to this socket.
  [[nodiscard]] bool is_reachable() const noexcept;
  // Binds the path again. A worker that is connected to the old socket is still heard there. Throws std::system_error;
  // then nothing has changed.
  void renew();

  // Takes what is in the queue when the worker ends, and nothing that comes later.
  void close();

 private:
  struct Ear;

  [[nodiscard]] std::unique_ptr<Ear> listen(std::unique_ptr<Ear> ear);
  [[nodiscard]] bool take_one(Ear& ear);

  EventLoop& loop_;
  Take take_;
  std::unique_ptr<Ear> ear_;
  std::unique_ptr<Ear> former_ear_;
};

}  // namespace preforkd
