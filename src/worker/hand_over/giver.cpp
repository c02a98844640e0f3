// SPDX-License-Identifier: MIT
#include "worker/hand_over/giver.hpp"

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

}  // namespace

Giver::Giver(EventLoop& loop, TimerWheel& wheel, DataPath& path, preforkd::UniqueFd socket)
    : loop_(loop), wheel_(wheel), path_(path), socket_(std::move(socket)) {
  if (const int error = loop_.add(socket_.get(), EPOLLIN, *this); error != 0) {
    throw std::system_error(error, std::generic_category(), "epoll_ctl");
  }
  path_.set_giver(socket_.get());
}

Giver::~Giver() { fail(); }

void Giver::offer(ConnectionImpl& connection) noexcept {
  if (failed_ || closed_ || taker_done_) return;
  try {
    waiting_.push_back(connection.id());
    pump();
  } catch (const std::bad_alloc&) {
    connection.do_not_move();
  }
}

void Giver::pump() {
  while (!failed_ && !taker_done_) {
    if (sending_ != nullptr ? !send_parcel() : !begin_next()) return;
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
  Parcel parcel;
  parcel.header.serial = static_cast<std::uint32_t>(connection->fd());
  parcel.header.state_version = luggage.state_version;
  parcel.header.listener_bytes = static_cast<std::uint32_t>(listener.size());
  parcel.header.state_bytes = static_cast<std::uint32_t>(luggage.state.size());
  parcel.header.input_bytes = static_cast<std::uint32_t>(luggage.input.size());
  parcel.header.output_bytes = static_cast<std::uint32_t>(luggage.output.size());
  parcel.header.heard = luggage.heard ? 1 : 0;
  parcel.header.is_tcp = connection->is_tcp() ? 1 : 0;
  parcel.header.input_since = std::chrono::nanoseconds(luggage.input_since.time_since_epoch()).count();
  parcel.header.peer = luggage.peer.bytes();
  if (parcel.header.payload_bytes() > transfer::max_payload_bytes) {
    connection->do_not_move();
    return true;
  }
  for (const std::string_view part : {listener, luggage.state, luggage.input, luggage.output}) parcel.payload += part;
  parcel.connection = connection;
  Parcel& kept = parcels_.emplace(parcel.header.serial, std::move(parcel)).first->second;
  kept.fd = connection->depart();
  sending_ = &kept;
  if (parcels_.size() == 1) answer_due_ = path_.now() + transfer::answer_time;
  if (!armed()) wheel_.arm(*this, answer_due_);
  return true;
}

// False: try again later.
bool Giver::send_parcel() {
  Parcel& parcel = *sending_;
  do {
    if (!send_piece(parcel)) return false;
  } while (parcel.sent < parcel.payload.size());
  parcel.payload = {};
  sending_ = nullptr;
  return true;
}

bool Giver::send_piece(Parcel& parcel) {
  const bool first = !parcel.begun;
  const transfer::More more{.serial = parcel.header.serial};
  const std::string_view head = first ? transfer::bytes_of(parcel.header) : transfer::bytes_of(more);
  const std::string_view piece =
      std::string_view(parcel.payload).substr(parcel.sent, transfer::max_packet_bytes - head.size());
  switch (preforkd::send_packet(socket_.get(), {head, piece}, first ? parcel.fd.get() : -1)) {
    case preforkd::PacketSent::full:
      wheel_.arm(*this, path_.now() + transfer::retry_delay);
      return false;
    case preforkd::PacketSent::broken:
      fail();
      return false;
    case preforkd::PacketSent::sent:
      break;
  }
  parcel.begun = true;
  parcel.sent += piece.size();
  return true;
}

void Giver::on_events(std::uint32_t) {
  for (int i = 0; i < max_answers && !failed_ && take_answer(); ++i) continue;
  if (taker_done_) return fail();
  pump();
}

bool Giver::take_answer() {
  std::array<char, 64> buffer{};
  preforkd::Packet packet;
  switch (preforkd::receive_packet(socket_.get(), buffer, packet)) {
    case preforkd::PacketReceived::nothing:
      return false;
    case preforkd::PacketReceived::ended:
      taker_done_ = true;
      return false;
    case preforkd::PacketReceived::packet:
      break;
  }
  answer_due_ = path_.now() + transfer::answer_time;
  if (const auto answer = transfer::read_answer(packet.bytes)) settle(answer->serial, *answer);
  return true;
}

void Giver::settle(std::uint32_t serial, const transfer::Answer& answer) {
  const auto found = parcels_.find(serial);
  if (found == parcels_.end() || &found->second == sending_) return;
  Parcel parcel = std::move(found->second);
  parcels_.erase(found);
  if (answer.type == transfer::Type::taken) {
    ++moved_;
    return parcel.connection->gone(parcel.fd.get());
  }
  ++refused_[static_cast<std::size_t>(answer.refusal)];
  if (transfer::refuses_all(answer.refusal)) {
    taker_done_ = true;  // another worker may take it
  } else {
    parcel.connection->do_not_move();
  }
  parcel.connection->stay(std::move(parcel.fd));
}

void Giver::on_timer() {
  if (failed_) return;
  if (!parcels_.empty() && path_.now() >= answer_due_) return fail();
  pump();
  if (!failed_ && !parcels_.empty() && !armed()) wheel_.arm(*this, answer_due_);
}

// From now on the taker can't send Taken; what it sent before counts. Everything else is ours.
void Giver::fail() {
  if (std::exchange(failed_, true)) return;
  ::shutdown(socket_.get(), SHUT_RD);
  sending_ = nullptr;
  while (take_answer()) continue;
  wheel_.cancel(*this);
  loop_.remove(socket_.get(), *this);
  waiting_.clear();
  std::unordered_map<std::uint32_t, Parcel> left = std::exchange(parcels_, {});
  for (auto& [serial, parcel] : left) parcel.connection->stay(std::move(parcel.fd));
  path_.set_giver(-1);  // last: until then the keeper closes what is still marked as moving
  socket_.reset();
}

}  // namespace prefork::internal
