// SPDX-License-Identifier: MIT
#include "wire/control_message.hpp"

#include <cstring>
#include <type_traits>
#include <utility>

namespace preforkd::control {
namespace {

template <class T>
constexpr std::size_t body_bytes = std::is_empty_v<T> ? 0 : sizeof(T);

// The type of a message is its place in the variant: append only.
template <std::size_t Type>
std::optional<Message> decode_as(std::uint32_t type, std::string_view body) noexcept {
  if constexpr (Type == std::variant_size_v<Message>) {
    return std::nullopt;
  } else {
    if (type != Type) return decode_as<Type + 1>(type, body);
    using T = std::variant_alternative_t<Type, Message>;
    static_assert(std::is_trivially_copyable_v<T> && sizeof(std::uint64_t) + sizeof(T) <= max_message_bytes);
    T message{};
    if (body.size() < body_bytes<T>) return std::nullopt;
    if constexpr (!std::is_empty_v<T>) std::memcpy(&message, body.data(), sizeof message);
    return message;
  }
}

template <std::size_t Type>
void put_body(const Message& message, Encoded& encoded) noexcept {
  if constexpr (Type < std::variant_size_v<Message>) {
    const auto* const body = std::get_if<Type>(&message);
    if (body == nullptr) return put_body<Type + 1>(message, encoded);
    encoded.put(body, body_bytes<std::variant_alternative_t<Type, Message>>);
  }
}

// In front of the body, which it aligns.
struct Header {
  std::uint32_t type = 0;
  std::uint32_t reserved = 0;
};

std::optional<Header> header_of(std::string_view bytes) noexcept {
  Header header;
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  return header;
}

}  // namespace

void Encoded::put(const void* bytes, std::size_t size) noexcept {
  std::memcpy(bytes_.data() + size_, bytes, size);
  size_ += size;
}

Encoded encode(const Message& message) noexcept {
  Encoded encoded;
  const Header header{static_cast<std::uint32_t>(message.index()), 0};
  encoded.put(&header, sizeof header);
  put_body<0>(message, encoded);
  return encoded;
}

std::optional<Message> decode(std::string_view bytes) noexcept {
  const std::optional<Header> header = header_of(bytes);
  return header ? decode_as<0>(header->type, bytes.substr(sizeof *header)) : std::nullopt;
}

bool has_unknown_type(std::string_view bytes) noexcept {
  const std::optional<Header> header = header_of(bytes);
  return header && header->type >= std::variant_size_v<Message>;
}

}  // namespace preforkd::control
