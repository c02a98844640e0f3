// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/unique_fd.hpp"

namespace preforkd::client {

// A pipe that a thread reads to its end.
class PipeReader {
 public:
  PipeReader() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    read_.reset(ends[0]);
    write_.reset(ends[1]);
    thread_ = std::thread([this] {
      char buffer[65536];
      for (ssize_t size = 0; (size = read(read_.get(), buffer, sizeof buffer)) > 0;) {
        text_.append(buffer, static_cast<std::size_t>(size));
      }
    });
  }
  ~PipeReader() { (void)finish(); }

  [[nodiscard]] int write_end() const { return write_.get(); }
  // Closes the write end and returns everything that was written.
  std::string finish() {
    write_.reset();
    if (thread_.joinable()) thread_.join();
    return std::move(text_);
  }

 private:
  UniqueFd read_;
  UniqueFd write_;
  std::string text_;
  std::thread thread_;
};

// The result of a run of the client.
struct Outcome {
  int status;
  std::string output;
  std::string error;
};

// A pipe that delivers `text` and then end-of-file.
class PipeWriter {
 public:
  explicit PipeWriter(std::string text) : text_(std::move(text)) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    read_.reset(ends[0]);
    thread_ = std::thread([this, write_end = UniqueFd(ends[1])] {
      for (std::string_view rest = text_; !rest.empty();) {
        const ssize_t size = write(write_end.get(), rest.data(), rest.size());
        if (size <= 0) return;
        rest.remove_prefix(static_cast<std::size_t>(size));
      }
    });
  }
  ~PipeWriter() { thread_.join(); }

  [[nodiscard]] int read_end() const { return read_.get(); }

 private:
  std::string text_;
  UniqueFd read_;
  std::thread thread_;
};

}  // namespace preforkd::client
