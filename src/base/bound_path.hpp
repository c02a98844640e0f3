// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"

namespace preforkd {

// The file of a UNIX socket: its path, and a descriptor (O_PATH) of the file itself. Rights are changed through the
// descriptor, and the path is removed only while it leads to that file. So a link, a file or another socket that was
// put there meanwhile is never touched.
class BoundPath {
 public:
  BoundPath() noexcept = default;  // none: a socket without a path
  BoundPath(std::string path, UniqueFd file) noexcept : path_(std::move(path)), file_(std::move(file)) {}

  // The file that `fd` was bound to at `path` a moment ago. If the kernel does not report which one that is (it
  // requires CAP_NET_ADMIN), the file at that path, which must be a socket of our own.
  [[nodiscard]] static Result<BoundPath> of_bound(int fd, const std::string& path);
  // The file at `path` now, without following a link at its end. Fails if it is not a socket.
  [[nodiscard]] static Result<BoundPath> at(const std::string& path);

  explicit operator bool() const noexcept { return static_cast<bool>(file_); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] int file() const noexcept { return file_.get(); }

  // True if `path`, or without an argument the path itself, leads to the file.
  [[nodiscard]] bool stands_at(const std::string& path) const noexcept;
  [[nodiscard]] bool stands() const noexcept { return stands_at(path_); }
  // The file was renamed.
  void moved_to(const std::string& path) { path_ = path; }

  // Removes the path if it leads to the file. There is no path afterwards.
  void remove() noexcept;

 private:
  std::string path_;
  UniqueFd file_;
};

// Whether open_listener binds `name` next to `path`, before it moves the file there. The socket keeps that name.
[[nodiscard]] bool is_bound_beside(std::string_view name, std::string_view path) noexcept;

}  // namespace preforkd
