// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"

namespace preforkd {

// The file of a UNIX socket: its path, and a descriptor (O_PATH) of the file itself. Rights are changed through the
// descriptor, and the path is removed only while it leads to that file. So a link, a file or another socket that
// somebody has put there meanwhile is never touched.
class BoundPath {
 public:
  BoundPath() noexcept = default;  // none: a socket without a path
  BoundPath(std::string path, UniqueFd file) noexcept : path_(std::move(path)), file_(std::move(file)) {}

  // The file that `fd` was bound to at `path` a moment ago. Where the kernel does not say which one that is (that takes
  // CAP_NET_ADMIN), it is the socket of our own that stands there.
  [[nodiscard]] static Result<BoundPath> of_bound(int fd, const std::string& path);
  // What stands at `path` now, without following a link at its end. Fails if it is not a socket.
  [[nodiscard]] static Result<BoundPath> at(const std::string& path);

  explicit operator bool() const noexcept { return static_cast<bool>(file_); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] int file() const noexcept { return file_.get(); }

  // True if `path`, or its own, leads to the file.
  [[nodiscard]] bool stands_at(const std::string& path) const noexcept;
  [[nodiscard]] bool stands() const noexcept { return stands_at(path_); }
  // It was renamed.
  void moved_to(const std::string& path) { path_ = path; }

  // Removes the path if the file stands there. It has none from then on.
  void remove() noexcept;

 private:
  std::string path_;
  UniqueFd file_;
};

// Whether `name` is one that open_listener binds beside `path`, before it moves the file there. The socket keeps it.
[[nodiscard]] bool is_bound_beside(std::string_view name, std::string_view path) noexcept;

}  // namespace preforkd
