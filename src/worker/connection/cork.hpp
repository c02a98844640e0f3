// SPDX-License-Identifier: MIT
#pragma once

#include "worker/connection/connection_impl.hpp"
#include "worker/connection/data_path.hpp"

namespace prefork::internal {

// While it lives, output of `connection` gathers in the worker's scratch output; the destructor writes all of it in one
// call.
class Cork {
 public:
  Cork(DataPath& path, ConnectionImpl& connection) noexcept : path_(path) { path_.corked_ = &connection; }
  ~Cork() {
    path_.corked_->flush_scratch();
    path_.corked_ = nullptr;
  }
  Cork(const Cork&) = delete;
  Cork& operator=(const Cork&) = delete;

 private:
  DataPath& path_;
};

}  // namespace prefork::internal
