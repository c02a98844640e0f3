// SPDX-License-Identifier: MIT
#include "worker/hand_over/giver.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <new>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "wire/packet.hpp"

namespace prefork::internal {

namespace transfer = preforkd::transfer;

namespace {

constexpr int max_answers = 256;  // in a turn
constexpr std::chrono::milliseconds last_patience{50};

}  // namespace

Giver::Giver(EventLoop& loop, TimerWheel& wheel, DataPath& path, preforkd::UniqueFd socket)
    : loop_(loop), wheel_(wheel), path_(path), socket_(std::move(socket)) {
  if (const int error = loop_.add(socket_.get(), EPOLLIN, *this); error != 0) {
    throw std::system_error(error, std::generic_category(), "epoll_ctl");
  }
  path_.set_giver(socket_.get());
}

Giver::~Giver() { end(Cause::in_order); }

void Giver::offer(ConnectionImpl& connection) noexcept {
  if (failed_ || closed_ || taker_gone_ || refusal_of_all_) return;
  try {
    waiting_.push_back(connection.id());
    pump();
  } catch (const std::bad_alloc&) {
    connection.do_not_move();
  }
}

// The taker must know of an amendment before it gives the connection away in its turn.
void Giver::pump() {
  while (!failed_) {
    if (sending_) {
      if (!send_shipment()) return;
    } else if (!amendments_.empty()) {
      sending_ = std::move(amendments_.front());
      amendments_.pop_front();
    } else if (taker_gone_ || refusal_of_all_ || !begin_next()) {
      return;
    }
  }
}

// False: there is none, or too many are unanswered.
bool Giver::begin_next() {
  if (waiting_.empty() || parcels_.size() >= transfer::max_unanswered) return false;
  ConnectionImpl* const connection = path_.table().find(waiting_.front());
  waiting_.pop_front();
  if (connection == nullptr) return true;
  connection->renew_offer();
  if (!connection->may_move()) return true;
  const Luggage luggage = connection->luggage();
  const std::string_view listener = connection->listener();
  transfer::Connection header;
  header.serial = static_cast<std::uint32_t>(connection->fd());
  header.state_version = luggage.state_version;
  header.listener_bytes = static_cast<std::uint32_t>(listener.size());
  header.state_bytes = static_cast<std::uint32_t>(luggage.state.size());
  header.input_bytes = static_cast<std::uint32_t>(luggage.input.size());
  header.output_bytes = static_cast<std::uint32_t>(luggage.output.size());
  header.heard = luggage.heard ? 1 : 0;
  header.is_tcp = connection->is_tcp() ? 1 : 0;
  header.amended = 1;
  header.suspected = luggage.suspected ? 1 : 0;
  header.input_since = std::chrono::nanoseconds(luggage.input_since.time_since_epoch()).count();
  header.peer = luggage.peer.bytes();
  if (header.payload_bytes() > transfer::max_payload_bytes) return true;  // offered again when some of it is done
  Shipment shipment{.serial = header.serial, .head = std::string(transfer::bytes_of(header)), .payload = {}, .of = {}};
  for (const std::string_view part : {listener, luggage.state, luggage.input, luggage.output}) shipment.payload += part;
  Parcel& parcel = parcels_.emplace(header.serial, Parcel{connection, {}, parcels_sent_++, false}).first->second;
  parcel.fd = connection->depart();
  shipment.fd = parcel.fd.get();
  sending_ = std::move(shipment);
  if (parcels_.size() == 1) answer_due_ = path_.now() + transfer::answer_time;
  if (!armed()) wheel_.arm(*this, answer_due_);
  return true;
}

bool Giver::send_shipment() {
  do {
    switch (send_piece(*sending_)) {
      case preforkd::PacketSent::full:
        wheel_.arm(*this, path_.now() + transfer::retry_delay);
        return false;
      case preforkd::PacketSent::broken:
        end(Cause::broken);
        return false;
      case preforkd::PacketSent::sent:
        break;
    }
  } while (!sending_->is_done());
  if (sending_->of) unconfirmed_.insert_or_assign(sending_->serial, std::move(sending_->of));
  sending_.reset();
  return true;
}

preforkd::PacketSent Giver::send_piece(Shipment& shipment) {
  const transfer::More more{.serial = shipment.serial};
  const std::string_view head = shipment.begun ? transfer::bytes_of(more) : std::string_view(shipment.head);
  const std::string_view piece =
      std::string_view(shipment.payload).substr(shipment.sent, transfer::max_packet_bytes - head.size());
  const auto sent = preforkd::send_packet(socket_.get(), {head, piece}, shipment.begun ? -1 : shipment.fd);
  if (sent != preforkd::PacketSent::sent) return sent;
  shipment.begun = true;
  shipment.sent += piece.size();
  answer_due_ = path_.now() + transfer::answer_time;
  return sent;
}

void Giver::on_events(std::uint32_t) {
  for (int i = 0; i < max_answers && !failed_ && take_answer(); ++i) continue;
  if (failed_) return;
  if (taker_gone_) return end(Cause::broken);
  pump();
  if (refusal_of_all_ && !busy()) end(Cause::in_order);
}

// An answer stays in the socket until the ledger shows it. If this worker dies before, its keeper reads it.
bool Giver::take_answer() {
  std::array<char, 64> buffer{};
  preforkd::Packet packet;
  switch (preforkd::peek_packet(socket_.get(), buffer, packet)) {
    case preforkd::PacketReceived::nothing:
      return false;
    case preforkd::PacketReceived::ended:
      taker_gone_ = true;
      return false;
    case preforkd::PacketReceived::packet:
      break;
  }
  answer_due_ = path_.now() + transfer::answer_time;
  if (const auto answer = transfer::read_answer(packet.bytes)) settle(answer->serial, *answer);
  static_cast<void>(preforkd::receive_packet(socket_.get(), buffer, packet));
  return true;
}

void Giver::settle(std::uint32_t serial, const transfer::Answer& answer) {
  const bool refuses_all = answer.type == transfer::Type::refused && transfer::refuses_all(answer.refusal);
  if (refuses_all) refusal_of_all_ = answer.refusal;  // another worker may take it
  if (answer.type == transfer::Type::amended) {
    unconfirmed_.erase(serial);
    return;
  }
  const auto found = parcels_.find(serial);
  const bool is_complete = !sending_ || sending_->fd < 0 || sending_->serial != serial;
  if (found == parcels_.end() || !is_complete) return;
  if (answer.type == transfer::Type::trying) {
    found->second.tried = true;
    return;
  }
  Parcel parcel = std::move(found->second);
  parcels_.erase(found);
  if (answer.type == transfer::Type::taken) {
    ++moved_;
    amend(serial, parcel.connection->amendment(), parcel.fd);
    return parcel.connection->gone();
  }
  if (!refuses_all) {
    if (parcel.connection->note_refusal()) ++refused_[static_cast<std::size_t>(answer.refusal)];
    parcel.connection->do_not_move();
  }
  parcel.connection->stay(std::move(parcel.fd));
}

// Keeps the descriptor if there is any content.
void Giver::amend(std::uint32_t serial, const Amendment& amendment, preforkd::UniqueFd& fd) {
  const bool too_long = amendment.output.size() > transfer::max_amendment_bytes - transfer::max_state_bytes;
  const auto close = too_long ? std::optional(CloseReason::output_limit) : amendment.close;
  const std::string_view output = too_long ? std::string_view() : amendment.output;
  const std::string_view state = amendment.state.value_or(std::string_view());
  transfer::Amendment header{.serial = serial, .state_version = amendment.state_version};
  header.state_bytes = static_cast<std::uint32_t>(state.size());
  header.output_bytes = static_cast<std::uint32_t>(output.size());
  header.keeps = amendment.state ? 1 : 0;
  header.closes = close ? 1 : 0;
  header.close_reason = static_cast<std::uint8_t>(close.value_or(CloseReason{}));
  amendments_.push_back({.serial = serial,
                         .head = std::string(transfer::bytes_of(header)),
                         .payload = std::string(state) += output,
                         .of = amendment.empty() ? preforkd::UniqueFd() : std::move(fd)});
}

void Giver::on_timer() {
  if (failed_) return;
  if (busy() && path_.now() >= answer_due_) return end(Cause::broken);
  pump();
  if (!failed_ && busy() && !armed()) wheel_.arm(*this, answer_due_);
}

// From now on the taker can't send Taken; what it sent before counts. Everything else is ours.
void Giver::end(Cause cause) {
  if (std::exchange(failed_, true)) return;
  ::shutdown(socket_.get(), SHUT_RD);
  if (sending_ && sending_->fd < 0) amendments_.push_front(std::move(*sending_));
  sending_.reset();
  while (take_answer()) continue;
  wheel_.cancel(*this);
  loop_.remove(socket_.get(), *this);
  waiting_.clear();
  if (cause == Cause::broken) {
    suspect();
    shut_down_unconfirmed();
  } else {
    send_last_amendments();
  }
  unconfirmed_.clear();
  std::unordered_map<std::uint32_t, Parcel> left = std::exchange(parcels_, {});
  for (auto& [serial, parcel] : left) parcel.connection->stay(std::move(parcel.fd));
  path_.set_giver(-1);  // last: until then the keeper closes what is still marked as moving
  socket_.reset();
}

// What the taker died or hung at, as it has said, or may have.
void Giver::suspect() {
  const auto is_earlier = [](const auto& a, const auto& b) { return a.second.number < b.second.number; };
  const auto tried = std::find_if(parcels_.begin(), parcels_.end(), [](const auto& each) { return each.second.tried; });
  if (tried != parcels_.end()) {
    ++refused_[static_cast<std::size_t>(transfer::Refusal::failed)];
    tried->second.connection->suspect(Ledger::Suspicion::proven);
    tried->second.connection->do_not_move();
  } else if (!parcels_.empty()) {
    const auto first = std::min_element(parcels_.begin(), parcels_.end(), is_earlier);
    first->second.connection->suspect(Ledger::Suspicion::suspected);
  }
}

// A taker that was only given up may still die before it knows them.
void Giver::shut_down_unconfirmed() noexcept {
  for (const Shipment& each : amendments_) {
    if (each.of) ::shutdown(each.of.get(), SHUT_RDWR);
  }
  for (const auto& [serial, fd] : unconfirmed_) ::shutdown(fd.get(), SHUT_RDWR);
}

// A taker that lives makes room at once. A client of which it will not know everything sees the end of its connection.
void Giver::send_last_amendments() {
  const auto end = std::chrono::steady_clock::now() + last_patience;
  for (Shipment& shipment : amendments_) {
    auto sent = preforkd::PacketSent::sent;
    while (!shipment.is_done() && sent != preforkd::PacketSent::broken) {
      sent = send_piece(shipment);
      if (sent != preforkd::PacketSent::full) continue;
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      pollfd room{socket_.get(), POLLOUT, 0};
      if (left.count() <= 0 || ::poll(&room, 1, static_cast<int>(left.count())) <= 0) break;
    }
    if (!shipment.is_done() && shipment.of) ::shutdown(shipment.of.get(), SHUT_RDWR);
  }
}

}  // namespace prefork::internal
