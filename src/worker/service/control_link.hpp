// SPDX-License-Identifier: MIT
#pragma once

#include "base/unique_fd.hpp"
#include "wire/control_message.hpp"
#include "worker/base/event_loop.hpp"

namespace prefork::internal {

// What the master says.
class MasterObserver {
 public:
  virtual void on_give(const preforkd::control::Give& give, preforkd::UniqueFd socket) = 0;
  virtual void on_take(preforkd::UniqueFd socket) = 0;
  virtual void on_no_taker() = 0;
  virtual void on_report_busy(const preforkd::control::ReportBusy& report) = 0;
  virtual void on_meet(const preforkd::control::Meet& other, preforkd::UniqueFd socket) = 0;
  // There is no master any more, and there will be none. Called once.
  virtual void on_master_gone() = 0;

 protected:
  ~MasterObserver() = default;
};

// The worker's end of the control channel. It is the lifeline, too: as long as the master's end is open somewhere,
// there is a master or there will be one.
//
// With it the worker no longer needs the parent-death signal that a master sets when it was started by hand: that
// signal would also end a worker of a master that is about to be replaced. So the constructor clears it.
class ControlLink final : public EventSource {
 public:
  // Takes over `control_fd`. Throws ExitError (os_error) if it is not a socket or epoll rejects it.
  ControlLink(EventLoop& loop, preforkd::UniqueFd control_fd, MasterObserver& observer);
  ~ControlLink();
  ControlLink(const ControlLink&) = delete;
  ControlLink& operator=(const ControlLink&) = delete;

  // Reads what has arrived. Also called before the worker acts on its stop signal, which the master sends last.
  void read();
  // What a full channel does not take is dropped: the master then acts as for a worker that does not move connections.
  void send(const preforkd::control::Message& message) noexcept;
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  void on_events(std::uint32_t events) override;

  EventLoop& loop_;
  preforkd::UniqueFd fd_;
  MasterObserver& observer_;
  bool ended_ = false;
};

}  // namespace prefork::internal
