// SPDX-License-Identifier: MIT
#pragma once

#include <unistd.h>

#include <utility>

namespace preforkd {

// Owns one file descriptor. The only class that closes one: a UniqueFd passed by value takes ownership, an int borrows.
class UniqueFd {
 public:
  UniqueFd() noexcept = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
  explicit operator bool() const noexcept { return valid(); }

  // Gives up the descriptor without closing it.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  // Closes the present descriptor and takes over `fd`. Keeps errno: it runs on error paths.
  void reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

}  // namespace preforkd
