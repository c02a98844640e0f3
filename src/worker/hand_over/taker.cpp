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

constexpr int max_packets = 32;  // in a turn: the clients that are here already must not wait long

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
  }
}

void Taker::take(std::string_view packet, preforkd::UniqueFd fd) {
  std::string_view piece;
  if (arrival_) {
    const auto more = transfer::read_more(packet);
    if (!more || more->serial != arrival_->header.serial) return end();
    piece = packet.substr(sizeof *more);
    if (piece.empty() || piece.size() > arrival_->header.payload_bytes() - arrival_->payload.size()) return end();
  } else {
    const auto connection = transfer::read_connection(packet);
    if (!connection) return end();
    arrival_.emplace(Parcel{*connection, std::move(fd), {}});
    piece = packet.substr(sizeof *connection);
  }
  arrival_->payload += piece;
  if (arrival_->payload.size() == arrival_->header.payload_bytes()) complete();
}

void Taker::complete() {
  Parcel arrival = std::move(*arrival_);
  arrival_.reset();
  const transfer::Connection& header = arrival.header;
  std::string_view rest = arrival.payload;
  const auto cut = [&rest](std::uint32_t size) {
    const std::string_view part = rest.substr(0, size);
    rest.remove_prefix(size);
    return part;
  };
  const std::string_view listener = cut(header.listener_bytes);
  const Entrance* const entrance = entrance_of(arrival, listener);
  // A giver that waits no longer has everything again: what else it has sent is not to be adopted.
  const auto refuse = [&](transfer::Refusal refusal) {
    if (!answer({.type = transfer::Type::refused, .serial = header.serial, .refusal = refusal})) end();
  };
  if (const auto refusal = refusal_of(arrival, entrance)) return refuse(*refusal);
  Luggage luggage;
  luggage.peer = PeerAddress::from(header.peer);
  luggage.input_since = Session::TimePoint(std::chrono::nanoseconds(header.input_since));
  luggage.heard = header.heard != 0;
  luggage.state_version = header.state_version;
  luggage.state = cut(header.state_bytes);
  luggage.input = cut(header.input_bytes);
  luggage.output = cut(header.output_bytes);
  const auto take_over = [&] { return answer({.type = transfer::Type::taken, .serial = header.serial}); };
  if (!path_.adopt(std::move(arrival.fd), *entrance, luggage, take_over)) refuse(transfer::Refusal::failed);
}

const Entrance* Taker::entrance_of(const Parcel& arrival, std::string_view listener) const noexcept {
  const auto found = std::find_if(entrances_.begin(), entrances_.end(), [&](const Entrance& each) {
    return each.listener == listener && each.is_tcp == (arrival.header.is_tcp != 0);
  });
  return found == entrances_.end() ? nullptr : &*found;
}

std::optional<transfer::Refusal> Taker::refusal_of(const Parcel& arrival, const Entrance* entrance) const noexcept {
  if (leaving_) return transfer::Refusal::leaving;
  if (entrance == nullptr || !entrance->service.handlers.on_adopt) return transfer::Refusal::listener;
  // Without a descriptor: this worker has none left.
  if (entrance->service.full() || !path_.may_mark(arrival.fd.get())) return transfer::Refusal::full;
  if (arrival.header.state_bytes > path_.max_kept_state()) return transfer::Refusal::broken;
  return std::nullopt;
}

bool Taker::answer(const transfer::Answer& answer) noexcept {
  return preforkd::send_packet(socket_.get(), {transfer::bytes_of(answer)}) == preforkd::PacketSent::sent;
}

void Taker::end() noexcept {
  if (std::exchange(ended_, true)) return;
  arrival_.reset();
  loop_.remove(socket_.get(), *this);
  socket_.reset();
}

}  // namespace prefork::internal
