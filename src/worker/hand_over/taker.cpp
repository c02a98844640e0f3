// SPDX-License-Identifier: MIT
#include "worker/hand_over/taker.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <system_error>
#include <utility>

#include "wire/packet.hpp"

namespace prefork::internal {

namespace transfer = preforkd::transfer;

namespace {

// In a turn: the clients that are here already must not wait long, whatever on_adopt does.
constexpr int max_packets = 32;
constexpr std::chrono::milliseconds share{2};

std::string_view cut(std::string_view& payload, std::uint32_t size) noexcept {
  const std::string_view part = payload.substr(0, size);
  payload.remove_prefix(part.size());
  return part;
}

}  // namespace

Taker::Taker(EventLoop& loop, DataPath& path, const std::deque<Entrance>& entrances, preforkd::UniqueFd socket)
    : loop_(loop),
      path_(path),
      entrances_(entrances),
      socket_(std::move(socket)),
      buffer_(new char[transfer::max_packet_bytes]) {
  if (const int error = loop_.add(socket_.get(), EPOLLIN, *this); error != 0) {
    throw std::system_error(error, std::generic_category(), "epoll_ctl");
  }
}

Taker::~Taker() { end(); }

void Taker::on_events(std::uint32_t) {
  const auto end_of_share = std::chrono::steady_clock::now() + share;
  for (int i = 0; i < max_packets && !ended_; ++i) {
    preforkd::Packet packet;
    switch (preforkd::receive_packet(socket_.get(), {buffer_.get(), transfer::max_packet_bytes}, packet)) {
      case preforkd::PacketReceived::nothing:
        return;
      case preforkd::PacketReceived::ended:
        return end();
      case preforkd::PacketReceived::packet:
        take(packet.bytes, std::move(packet.fd));
    }
    if (std::chrono::steady_clock::now() >= end_of_share) return;
  }
}

void Taker::take(std::string_view packet, preforkd::UniqueFd fd) {
  if (const auto connection = transfer::read_connection(packet)) {
    arrival_.emplace(Arrival{*connection, std::move(fd), std::string(packet.substr(sizeof *connection))});
  } else if (const auto amendment = transfer::read_amendment(packet)) {
    arrival_.emplace(Arrival{*amendment, {}, std::string(packet.substr(sizeof *amendment))});
  } else {
    const auto more = transfer::read_more(packet);
    if (!more || !arrival_ || more->serial != arrival_->serial()) return end();
    const std::string_view piece = packet.substr(sizeof *more);
    if (piece.empty() || piece.size() > arrival_->missing_bytes()) return end();
    arrival_->payload += piece;
  }
  if (arrival_->missing_bytes() > 0) return;
  Arrival arrival = std::move(*arrival_);
  arrival_.reset();
  if (const auto* const connection = std::get_if<transfer::Connection>(&arrival.header)) {
    return adopt(*connection, std::move(arrival.fd), arrival.payload);
  }
  amend(std::get<transfer::Amendment>(arrival.header), arrival.payload);
}

std::uint32_t Taker::Arrival::serial() const {
  return std::visit([](const auto& each) { return each.serial; }, header);
}

std::size_t Taker::Arrival::missing_bytes() const {
  return std::visit([](const auto& each) { return each.payload_bytes(); }, header) - payload.size();
}

void Taker::adopt(const transfer::Connection& header, preforkd::UniqueFd fd, std::string_view payload) {
  if (given_up_) return;
  const std::string_view listener = cut(payload, header.listener_bytes);
  const Entrance* const entrance = entrance_of(listener, header.is_tcp != 0);
  const auto refuse = [&](transfer::Refusal refusal) {
    given_up_ = !answer({.type = transfer::Type::refused, .serial = header.serial, .refusal = refusal});
  };
  if (const auto refusal = refusal_of(fd.get(), header.state_bytes, entrance)) return refuse(*refusal);
  Luggage luggage;
  luggage.peer = PeerAddress::from(header.peer);
  luggage.input_since = Session::TimePoint(std::chrono::nanoseconds(header.input_since));
  luggage.heard = header.heard != 0;
  luggage.amended = header.amended != 0;
  luggage.state_version = header.state_version;
  luggage.state = cut(payload, header.state_bytes);
  luggage.input = cut(payload, header.input_bytes);
  luggage.output = cut(payload, header.output_bytes);
  const auto take_over = [&] { return answer({.type = transfer::Type::taken, .serial = header.serial}); };
  if (header.suspected != 0) static_cast<void>(answer({.type = transfer::Type::trying, .serial = header.serial}));
  const std::uint64_t id = path_.adopt(std::move(fd), *entrance, luggage, take_over);
  if (id == 0) return refuse(transfer::Refusal::failed);
  if (luggage.amended) taken_.insert_or_assign(header.serial, id);
}

void Taker::amend(const transfer::Amendment& header, std::string_view payload) {
  const auto found = taken_.find(header.serial);
  if (found == taken_.end()) return end();
  ConnectionImpl* const connection = path_.table().find(found->second);
  taken_.erase(found);
  if (connection == nullptr) return;  // it has ended meanwhile
  Amendment amendment;
  const std::string_view state = cut(payload, header.state_bytes);
  if (header.keeps != 0) amendment.state = state;
  amendment.state_version = header.state_version;
  amendment.output = cut(payload, header.output_bytes);
  if (header.closes != 0) amendment.close = static_cast<CloseReason>(header.close_reason);
  connection->amend(amendment);
  if (!amendment.empty()) static_cast<void>(answer({.type = transfer::Type::amended, .serial = header.serial}));
}

const Entrance* Taker::entrance_of(std::string_view listener, bool is_tcp) const noexcept {
  const auto found = std::find_if(entrances_.begin(), entrances_.end(), [&](const Entrance& each) {
    return each.listener == listener && each.is_tcp == is_tcp;
  });
  return found == entrances_.end() ? nullptr : &*found;
}

std::optional<transfer::Refusal> Taker::refusal_of(int fd, std::uint32_t state_bytes,
                                                   const Entrance* entrance) const noexcept {
  if (leaving_) return transfer::Refusal::leaving;
  if (entrance == nullptr || !entrance->service.handlers.on_adopt) return transfer::Refusal::listener;
  // Without a descriptor: this worker has none left.
  if (entrance->service.full() || !path_.may_mark(fd)) return transfer::Refusal::full;
  if (state_bytes > path_.max_kept_state()) return transfer::Refusal::kept_state;
  return std::nullopt;
}

bool Taker::answer(const transfer::Answer& answer) noexcept {
  return preforkd::send_packet(socket_.get(), {transfer::bytes_of(answer)}) == preforkd::PacketSent::sent;
}

void Taker::end() noexcept {
  if (std::exchange(ended_, true)) return;
  arrival_.reset();
  // What the giver has sent is not read any more: it must not look as if this worker had died of it.
  if (leaving_) static_cast<void>(answer({.type = transfer::Type::refused, .refusal = transfer::Refusal::leaving}));
  loop_.remove(socket_.get(), *this);
  socket_.reset();
  for (const auto& [serial, id] : std::exchange(taken_, {})) {
    if (ConnectionImpl* const connection = path_.table().find(id)) connection->amend({});
  }
}

}  // namespace prefork::internal
