// SPDX-License-Identifier: MIT
#include "master/process/control_link.hpp"

#include <array>
#include <optional>
#include <utility>

#include "wire/packet.hpp"

namespace preforkd {
namespace {

constexpr std::size_t max_packet_bytes = 4096;  // a newer program may say more than max_message_bytes

}  // namespace

ControlLink::ControlLink(EventLoop& loop, UniqueFd end, Take take, Refuse refuse, bool greeted)
    : end_(std::move(end)), take_(std::move(take)), refuse_(std::move(refuse)), greeted_(greeted) {
  if (!end_) return;
  source_ = loop.add_io(end_.get(), FloodLimit::events, Priority::worker_message,
                        [this](std::uint32_t) { limit_.turn(source_, [this] { return take_one(); }); });
  FloodLimit::apply(source_);
}

bool ControlLink::send(const control::Message& message, int fd) noexcept {
  const bool is_for_all =
      std::holds_alternative<control::ReportBusy>(message) || std::holds_alternative<control::Meet>(message);
  return (greeted_ || is_for_all) && end_ &&
         send_packet(end_.get(), {control::encode(message).view()}, fd) == PacketSent::sent;
}

void ControlLink::take_waiting() {
  FloodLimit::take_last([this] { return take_one(); });
}

bool ControlLink::take_one() {
  if (!end_) return false;
  std::array<char, max_packet_bytes> buffer;
  Packet packet;
  switch (receive_packet(end_.get(), buffer, packet)) {
    case PacketReceived::nothing:
      return false;
    case PacketReceived::ended:
      source_ = EventSource();
      end_.reset();
      return false;
    case PacketReceived::packet:
      break;
  }
  if (const char* const reason = handle(packet.bytes, static_cast<bool>(packet.fd))) refuse_(reason);
  return true;
}

const char* ControlLink::handle(std::string_view bytes, bool has_descriptor) {
  if (control::has_unknown_type(bytes)) return nullptr;
  const std::optional<control::Message> message = control::decode(bytes);
  if (!message) return "it has a wrong size";
  if (has_descriptor) return "it contains a descriptor";
  const bool hello = std::holds_alternative<control::Hello>(*message);
  if (hello && std::exchange(greeted_, true)) return "a second Hello";
  const bool needs_hello =
      !std::holds_alternative<control::Busy>(*message) && !std::holds_alternative<control::Talks>(*message);
  if (!greeted_ && needs_hello) return "it comes before Hello";
  return std::visit(
      [this](const auto& said) -> const char* {
        if constexpr (std::is_constructible_v<Message, decltype(said)>) {
          take_(said);
          return nullptr;
        } else {
          return "only the master says it";
        }
      },
      *message);
}

}  // namespace preforkd
