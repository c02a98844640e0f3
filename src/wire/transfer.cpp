// SPDX-License-Identifier: MIT
#include "wire/transfer.hpp"

#include <cstring>
#include <type_traits>

namespace preforkd::transfer {
namespace {

template <class T>
std::optional<T> read(std::string_view packet) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  T message;
  if (packet.size() < sizeof message) return std::nullopt;
  const Type type = message.type;
  std::memcpy(&message, packet.data(), sizeof message);
  if (message.type != type) return std::nullopt;
  return message;
}

template <class T>
std::optional<T> read_with_payload(std::string_view packet, std::size_t max) noexcept {
  const auto message = read<T>(packet);
  if (!message || message->payload_bytes() > max) return std::nullopt;
  if (packet.size() - sizeof *message > message->payload_bytes()) return std::nullopt;
  return message;
}

}  // namespace

std::optional<Connection> read_connection(std::string_view packet) noexcept {
  return read_with_payload<Connection>(packet, max_payload_bytes);
}

std::optional<Amendment> read_amendment(std::string_view packet) noexcept {
  return read_with_payload<Amendment>(packet, max_amendment_bytes);
}

std::optional<More> read_more(std::string_view packet) noexcept { return read<More>(packet); }

std::optional<Answer> read_answer(std::string_view packet) noexcept {
  Answer answer;
  if (packet.size() < sizeof answer) return std::nullopt;
  std::memcpy(&answer, packet.data(), sizeof answer);
  const bool is_answer = answer.type == Type::trying || answer.type == Type::taken || answer.type == Type::refused ||
                         answer.type == Type::amended;
  if (!is_answer) return std::nullopt;
  if (static_cast<std::size_t>(answer.refusal) >= refusal_count) return std::nullopt;
  return answer;
}

}  // namespace preforkd::transfer
