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

}  // namespace

std::optional<Connection> read_connection(std::string_view packet) noexcept {
  const auto connection = read<Connection>(packet);
  if (!connection || connection->payload_bytes() > max_payload_bytes) return std::nullopt;
  if (packet.size() - sizeof *connection > connection->payload_bytes()) return std::nullopt;
  return connection;
}

std::optional<More> read_more(std::string_view packet) noexcept { return read<More>(packet); }

std::optional<Answer> read_answer(std::string_view packet) noexcept {
  Answer answer;
  if (packet.size() < sizeof answer) return std::nullopt;
  std::memcpy(&answer, packet.data(), sizeof answer);
  if (answer.type != Type::taken && answer.type != Type::refused) return std::nullopt;
  if (static_cast<std::size_t>(answer.refusal) >= refusal_count) return std::nullopt;
  return answer;
}

}  // namespace preforkd::transfer
