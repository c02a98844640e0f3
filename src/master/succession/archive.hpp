// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace preforkd {

// Plain data as bytes and back, for the image of a pool (image_file.hpp): both ends are preforkd, maybe of different
// versions. A type says its parts once, by an overload of
//
//     template <class Archive> void fields(Archive& archive, T& value) { archive(value.a); archive(value.b); … }
//
// for both directions. Numbers have eight bytes in the machine's order, since an image never leaves its machine. A
// struct, a string and a list begin with their length. So later versions may append fields to any struct: an older
// reader skips what it does not know, a newer one keeps the initial values of what is missing.

template <class T>
concept Span = std::same_as<T, std::chrono::duration<typename T::rep, typename T::period>>;
template <class T>
concept Moment = std::same_as<T, std::chrono::time_point<typename T::clock, typename T::duration>>;
template <class T>
concept Struct = std::is_class_v<T> && !Span<T> && !Moment<T>;

class Encoder {
 public:
  template <std::integral T>
  void operator()(const T& value) {
    number(static_cast<std::uint64_t>(value));
  }
  template <class T>
  requires std::is_enum_v<T>
  void operator()(const T& value, T /*last*/ = {}) { number(static_cast<std::uint64_t>(value)); }
  template <Span T>
  void operator()(const T& value) {
    number(static_cast<std::uint64_t>(value.count()));
  }
  template <Moment T>
  void operator()(const T& value) {
    (*this)(value.time_since_epoch());
  }
  void operator()(const std::string& value) {
    number(value.size());
    bytes_ += value;
  }
  template <class T, class... Last>
  void operator()(const std::optional<T>& value, Last... last) {
    (*this)(value.has_value());
    if (value) (*this)(*value, last...);
  }
  template <class T>
  void operator()(const std::vector<T>& values) {
    number(values.size());
    for (const T& each : values) (*this)(each);
  }
  template <class T, std::size_t size>
  void operator()(const std::array<T, size>& values) {
    number(size);
    for (const T& each : values) (*this)(each);
  }
  template <class Key, class T>
  void operator()(const std::map<Key, T>& values) {
    number(values.size());
    for (const auto& [key, each] : values) {
      (*this)(key);
      (*this)(each);
    }
  }
  template <Struct T>
  void operator()(const T& value) {
    const std::size_t begin = bytes_.size();
    number(0);
    fields(*this, const_cast<T&>(value));
    const std::uint64_t length = bytes_.size() - begin - sizeof length;
    std::memcpy(bytes_.data() + begin, &length, sizeof length);
  }

  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  void number(std::uint64_t value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof value); }

  std::string bytes_;
};

// Never reads beyond the bytes, and takes no value that its type does not have. ok() says whether all was sound.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }

  template <std::integral T>
  void operator()(T& value) {
    const std::optional<std::uint64_t> read = number();
    if (!read) return;
    const T narrow = static_cast<T>(*read);
    ok_ = ok_ && static_cast<std::uint64_t>(narrow) == *read;
    if (ok_) value = narrow;
  }
  // An enumeration from 0 to `last`; one without `last` is a number.
  template <class T>
  requires std::is_enum_v<T>
  void operator()(T& value, std::optional<std::type_identity_t<T>> last = std::nullopt) {
    std::underlying_type_t<T> plain = static_cast<std::underlying_type_t<T>>(value);
    (*this)(plain);
    ok_ = ok_ && (!last || (plain >= 0 && plain <= static_cast<std::underlying_type_t<T>>(*last)));
    if (ok_) value = static_cast<T>(plain);
  }
  template <Span T>
  void operator()(T& value) {
    auto count = value.count();
    (*this)(count);
    value = T(count);
  }
  template <Moment T>
  void operator()(T& value) {
    auto since = value.time_since_epoch();
    (*this)(since);
    value = T(since);
  }
  void operator()(std::string& value) {
    if (const std::optional<std::string_view> part = take_sized()) value = *part;
  }
  template <class T, class... Last>
  void operator()(std::optional<T>& value, Last... last) {
    bool has = value.has_value();
    (*this)(has);
    if (!has) return value.reset();
    (*this)(value.emplace(), last...);
  }
  template <class T>
  void operator()(std::vector<T>& values) {
    const std::optional<std::uint64_t> size = number();
    if (!size) return;
    values.clear();
    for (std::uint64_t i = 0; i < *size && ok_; ++i) {
      ok_ = ok_ && !rest_.empty();
      if (ok_) (*this)(values.emplace_back());
    }
  }
  template <class T, std::size_t size>
  void operator()(std::array<T, size>& values) {
    const std::optional<std::uint64_t> stored = number();
    if (!stored) return;
    ok_ = ok_ && *stored <= size;  // a newer version may have more, and this one cannot tell what they mean
    for (std::uint64_t i = 0; ok_ && i < *stored; ++i) (*this)(values[i]);
  }
  template <class Key, class T>
  void operator()(std::map<Key, T>& values) {
    const std::optional<std::uint64_t> size = number();
    if (!size) return;
    values.clear();
    for (std::uint64_t i = 0; i < *size && ok_; ++i) {
      ok_ = ok_ && !rest_.empty();
      Key key{};
      if (ok_) (*this)(key);
      if (ok_) (*this)(values[key]);
    }
  }
  template <Struct T>
  void operator()(T& value) {
    const std::optional<std::string_view> part = take_sized();
    if (!part) return;
    Decoder inner(*part);
    fields(inner, value);
    ok_ = ok_ && inner.ok_;
  }

 private:
  // nullopt at the end, which is sound: an older version wrote less.
  std::optional<std::uint64_t> number() {
    if (!ok_ || rest_.empty()) return std::nullopt;
    std::uint64_t value = 0;
    ok_ = rest_.size() >= sizeof value;
    if (!ok_) return std::nullopt;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::optional<std::string_view> take_sized() {
    const std::optional<std::uint64_t> size = number();
    if (!size) return std::nullopt;
    ok_ = *size <= rest_.size();
    if (!ok_) return std::nullopt;
    const std::string_view part = rest_.substr(0, *size);
    rest_.remove_prefix(*size);
    return part;
  }

  std::string_view rest_;
  bool ok_ = true;
};

template <class T>
[[nodiscard]] std::string encode(const T& value) {
  Encoder encoder;
  encoder(value);
  return encoder.take();
}

// nullopt if the bytes are not a T.
template <class T>
[[nodiscard]] std::optional<T> decode(std::string_view bytes) {
  Decoder decoder(bytes);
  T value;
  decoder(value);
  if (!decoder.ok()) return std::nullopt;
  return value;
}

}  // namespace preforkd
