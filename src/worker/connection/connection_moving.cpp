// SPDX-License-Identifier: MIT
// What ConnectionImpl does to move: its way to another worker, and from one.
#include "worker/connection/connection_impl.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include "worker/base/guarded.hpp"
#include "worker/connection/data_path.hpp"

namespace prefork::internal {

void ConnectionImpl::keep_state(std::string_view state) {
  const std::size_t max = path_->limits_.max_kept_state;
  if (state.size() > max) {
    throw std::length_error("Connection::keep: the state has " + std::to_string(state.size()) +
                            " bytes, more than max_kept_state: " + std::to_string(max));
  }
  static_cast<void>(keep_state_of(state, path_->limits_.state_version));
}

// False: it is too long.
bool ConnectionImpl::keep_state_of(std::string_view state, std::uint32_t version) noexcept {
  if (state.size() > path_->limits_.max_kept_state) return false;
  const int marked = fd() >= 0 ? fd() : departed_fd_;
  Ledger* const ledger = path_->streams_.ledger_at(marked);
  if (ledger == nullptr || (state_ != State::open && state_ != State::moving)) return true;
  if (state_ == State::open) path_->enqueue(*this);  // which marks it busy, and in the end resting
  if (state_ == State::moving) {
    mark_busy();
    kept_on_way_ = true;
  }
  ledger->keep(marked, state, version);
  return true;
}

void ConnectionImpl::pin() noexcept {
  ++pins_;
  mark_busy();
}

void ConnectionImpl::unpin() noexcept {
  if (pins_ == 0 || --pins_ > 0 || state_ != State::open) return;
  path_->enqueue(*this);
}

Luggage ConnectionImpl::luggage() const noexcept {
  Luggage luggage;
  luggage.peer = peer_;
  luggage.input_since = input_since_;
  luggage.heard = heard_;
  if (Ledger* const ledger = path_->streams_.ledger_of(*this)) {
    luggage.state = ledger->state(fd());
    luggage.state_version = ledger->at(fd()).state_version;
    luggage.suspected = ledger->at(fd()).suspicion != Ledger::Suspicion::none;
  }
  if (input_ != nullptr) luggage.input = input_->view();
  if (output_waits()) luggage.output = output_->view();
  return luggage;
}

preforkd::UniqueFd ConnectionImpl::depart() noexcept {
  const bool rested = rests();
  if (rested) mark_resting();
  if (Ledger* const ledger = path_->streams_.ledger_of(*this)) {
    ledger->set(fd(), rested ? Ledger::Mark::moving : Ledger::Mark::moving_busy);
  }
  state_ = State::moving;
  departed_fd_ = fd();
  departed_output_ = static_cast<std::uint32_t>(output_waits() ? output_->size() : 0);
  path_->wheel_.cancel(*this);
  return path_->streams_.release(*this);
}

void ConnectionImpl::stay(preforkd::UniqueFd fd) {
  if (!path_->streams_.open(*this, std::move(fd), entrance_->is_tcp)) return end_moving(CloseReason::out_of_memory);
  state_ = State::open;
  departed_fd_ = -1;
  kept_on_way_ = false;
  mark_busy();
  blocked_output_ = false;  // tried again
  settle();
}

Amendment ConnectionImpl::amendment() const noexcept {
  Amendment amendment;
  if (output_waits()) amendment.output = output_->view().substr(departed_output_);
  if (Ledger* const ledger = path_->streams_.ledger_at(departed_fd_); ledger != nullptr && kept_on_way_) {
    amendment.state = ledger->state(departed_fd_);
    amendment.state_version = ledger->at(departed_fd_).state_version;
  }
  if (closing_) amendment.close = reason_;
  return amendment;
}

// Its program is told of the newer state as it was of the first one.
void ConnectionImpl::amend(const Amendment& amendment) {
  if (!std::exchange(awaits_amendment_, false) || !may_send()) return;
  if (leaving_) path_->enqueue(*this);  // it may move now
  send_bytes(amendment.output);
  if (amendment.state) {
    const bool kept = keep_state_of(*amendment.state, amendment.state_version);
    if (!kept || !guarded("on_adopt", [&] { handlers().on_adopt(*this, *amendment.state, amendment.state_version); })) {
      close_when_sent(CloseReason::handler_failed);
    }
  }
  if (amendment.close) close_when_sent(*amendment.close);
}

void ConnectionImpl::suspect(Ledger::Suspicion suspicion) noexcept {
  if (Ledger* const ledger = path_->streams_.ledger_at(departed_fd_)) ledger->at(departed_fd_).suspicion = suspicion;
}

void ConnectionImpl::gone() noexcept { end_moving(CloseReason::handed_over); }

void ConnectionImpl::end_moving(CloseReason reason) noexcept {
  path_->streams_.unmark(departed_fd_);
  state_ = State::closed;
  departed_fd_ = -1;
  reason_ = reason;
  closing_ = false;
  path_->enqueue(*this);
}

// The giver owns it until `take_over` was true, so nothing is read, written or marked before: what on_adopt sends
// waits. Marked as busy, it would be reset by this worker's keeper while the giver still serves it. The price: if this
// worker is killed between Taken and mark_busy(), its keeper closes the connection without counting it.
ConnectionImpl::Arrival ConnectionImpl::arrive(DataPath& path, std::uint64_t id, preforkd::UniqueFd fd,
                                               const Entrance& entrance, const Luggage& luggage,
                                               const std::function<bool()>& take_over) {
  const auto put = [&path](std::unique_ptr<Buffer>& buffer, std::string_view bytes) {
    if (bytes.empty()) return true;
    buffer = path.buffers_.take();
    return buffer != nullptr && buffer->append(bytes);
  };
  const bool fits = put(output_, luggage.output) && put(input_, luggage.input);
  if (!fits || !path.streams_.open(*this, std::move(fd), entrance.is_tcp)) {
    path.buffers_.give_back(std::move(input_));
    path.buffers_.give_back(std::move(output_));
    return Arrival::not_begun;
  }
  begin(path, id, luggage.peer, entrance);
  state_ = State::moving;
  input_since_ = std::min(luggage.input_since, path.now());
  heard_ = luggage.heard;
  half_received_ = input_ != nullptr;  // so that it keeps the time of its first byte; deliver() sees whether it is so
  if (output_waits()) {
    begin_write_period();
    if (output_->size() > limits().output_high_mark) choked_ = true;
  }
  if (Ledger* const ledger = path.streams_.ledger_of(*this)) {
    ledger->keep(this->fd(), luggage.state, luggage.state_version);
  }
  const bool taken =
      guarded("on_adopt", [&] { handlers().on_adopt(*this, luggage.state, luggage.state_version); }) && take_over();
  if (!taken) {
    static_cast<void>(path.streams_.release(*this));  // the giver has another descriptor of it
    never_ours_ = true;
    end_moving(CloseReason::handed_over);
    return Arrival::ended;
  }
  state_ = State::open;
  kept_on_way_ = false;
  awaits_amendment_ = luggage.amended;
  mark_busy();
  path.count_open(entrance.service);
  path.count_adopted();
  if (input_ != nullptr) {
    resume_ = true;
    path.enqueue(*this);
  }
  count_kept();
  if (!enqueued_) settle();  // it may rest at once, in case this worker dies in this turn
  return Arrival::taken;
}

}  // namespace prefork::internal
