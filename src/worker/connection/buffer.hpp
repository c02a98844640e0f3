// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace prefork::internal {

// A queue of bytes in one piece of memory: bytes are appended at the tail and consumed at the head. If memory runs out,
// a function reports it and changes nothing, so that only the connection has to be closed, not the worker.
class Buffer {
 public:
  Buffer() noexcept = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  [[nodiscard]] std::string_view view() const noexcept { return {data_ + head_, tail_ - head_}; }
  [[nodiscard]] std::size_t size() const noexcept { return tail_ - head_; }
  [[nodiscard]] bool empty() const noexcept { return head_ == tail_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  // It holds much more memory than its bytes need.
  [[nodiscard]] bool is_oversized() const noexcept { return capacity_ > min_oversized && size() < capacity_ / 4; }

  // Room for at least `room` bytes behind the tail; nullptr if out of memory. commit() adds the first of them to the
  // queue.
  [[nodiscard]] char* prepare(std::size_t room) noexcept {
    return capacity_ - tail_ >= room ? data_ + tail_ : make_room(room);
  }
  void commit(std::size_t bytes) noexcept { tail_ += bytes; }
  [[nodiscard]] const char* end() const noexcept { return data_ + tail_; }

  [[nodiscard]] bool append(std::string_view bytes) noexcept;
  void consume(std::size_t bytes) noexcept;
  void clear() noexcept { head_ = tail_ = 0; }
  // Empties the queue and frees its memory.
  void release() noexcept;

 private:
  static constexpr std::size_t min_oversized = std::size_t{16} * 1024;

  [[nodiscard]] char* make_room(std::size_t room) noexcept;

  char* data_ = nullptr;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
  std::size_t capacity_ = 0;
};

// Lends buffers to the connections that need one at the moment; most have nothing to keep. Keeps a few returned ones,
// so that a half-received message or a late reply costs no allocation.
class BufferPool {
 public:
  BufferPool() { spare_.reserve(kept_buffers); }

  // An empty buffer; nullptr if out of memory.
  [[nodiscard]] std::unique_ptr<Buffer> take() noexcept;
  void give_back(std::unique_ptr<Buffer> buffer) noexcept;

 private:
  static constexpr std::size_t kept_buffers = 32;
  static constexpr std::size_t kept_capacity = std::size_t{16} * 1024;

  std::vector<std::unique_ptr<Buffer>> spare_;
};

}  // namespace prefork::internal
