// SPDX-License-Identifier: MIT
#include "worker/connection/buffer.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace prefork::internal {

namespace {
constexpr std::size_t min_capacity = 512;
}

Buffer::~Buffer() { std::free(data_); }

char* Buffer::make_room(std::size_t room) noexcept {
  const std::size_t used = size();
  // Moving pays off only if at least half of the memory is free; otherwise a slow reader would cause a move per
  // message.
  if (capacity_ - used >= room && head_ >= capacity_ / 2) {
    std::memmove(data_, data_ + head_, used);
  } else {
    if (room > std::numeric_limits<std::size_t>::max() / 2 - used) return nullptr;
    const std::size_t wanted = std::max({used + room, capacity_ * 2, min_capacity});
    // realloc(3) moves the pages of a large queue instead of its bytes: it never takes twice its memory.
    if (head_ > 0) std::memmove(data_, data_ + head_, used);
    head_ = 0;
    tail_ = used;
    auto* const grown = static_cast<char*>(std::realloc(data_, wanted));
    if (grown == nullptr) return nullptr;
    data_ = grown;
    capacity_ = wanted;
  }
  head_ = 0;
  tail_ = used;
  return data_ + tail_;
}

bool Buffer::append(std::string_view bytes) noexcept {
  if (bytes.empty()) return true;
  char* const room = prepare(bytes.size());
  if (room == nullptr) return false;
  std::memcpy(room, bytes.data(), bytes.size());
  commit(bytes.size());
  return true;
}

void Buffer::consume(std::size_t bytes) noexcept {
  head_ += bytes;
  if (head_ == tail_) clear();
}

void Buffer::release() noexcept {
  std::free(std::exchange(data_, nullptr));
  head_ = tail_ = capacity_ = 0;
}

std::unique_ptr<Buffer> BufferPool::take() noexcept {
  if (spare_.empty()) return std::unique_ptr<Buffer>(new (std::nothrow) Buffer);
  std::unique_ptr<Buffer> buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void BufferPool::give_back(std::unique_ptr<Buffer> buffer) noexcept {
  if (buffer == nullptr || buffer->capacity() > kept_capacity || spare_.size() == kept_buffers) return;
  buffer->clear();
  spare_.push_back(std::move(buffer));
}

}  // namespace prefork::internal
