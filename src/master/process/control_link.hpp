// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"
#include "master/process/flood_limit.hpp"
#include "wire/control_message.hpp"

namespace preforkd {

// The master's end of a worker's control channel: messages that are not for sd_notify. They are read within the
// bounds of FloodLimit, and sending never blocks, so a worker harms only itself.
class ControlLink {
 public:
  // What a worker or its keeper may say. Hello comes once, and before anything about connections that move. Busy and
  // Talks need no Hello.
  using Message = std::variant<control::Hello, control::Seeks, control::Gave, control::Busy, control::Talks>;
  using Take = std::function<void(const Message&)>;
  using Refuse = std::function<void(const std::string& reason)>;

  // Takes over the master's end. Calls `refuse` for what makes no sense; ignores messages of unknown type, from a newer
  // program. `greeted`: an earlier master has heard Hello on it; an invalid `end`: the worker had closed it by then.
  // Throws std::system_error.
  ControlLink(EventLoop& loop, UniqueFd end, Take take, Refuse refuse, bool greeted = false);
  ControlLink(const ControlLink&) = delete;
  ControlLink& operator=(const ControlLink&) = delete;

  // The worker gets a duplicate of `fd`. False: it has not said Hello (ReportBusy and Meet need none), does not read
  // its channel, or has closed it.
  [[nodiscard]] bool send(const control::Message& message, int fd = -1) noexcept;

  // -1 once the worker has closed its end.
  [[nodiscard]] int fd() const noexcept { return end_.get(); }

  // It has said Hello: its connections may move, and normally it has a keeper.
  [[nodiscard]] bool greeted() const noexcept { return greeted_; }

  // Takes what has arrived.
  void take_waiting();

 private:
  [[nodiscard]] bool take_one();
  // Why it makes no sense; null if it does, or if its type is unknown.
  [[nodiscard]] const char* handle(std::string_view bytes, bool has_descriptor);

  UniqueFd end_;
  EventSource source_;
  FloodLimit limit_;
  Take take_;
  Refuse refuse_;
  bool greeted_;
};

}  // namespace preforkd
