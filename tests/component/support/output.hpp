// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <mutex>
#include <regex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "support/deadline.hpp"

namespace preforkd::component {

// Reads a pipe at once, so that its writer never waits for the test.
class Output {
 public:
  explicit Output(UniqueFd pipe);
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output();

  // What has been written so far.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::size_t size() const;

  // The first whole line from byte `from` on that contains `part` or matches `pattern`. Throws HarnessError with all
  // the text so far if none arrives before the deadline.
  std::string wait_for(std::string_view part, std::size_t from = 0, const Deadline& deadline = {}) const;
  std::smatch wait_for(const std::regex& pattern, std::string& line, std::size_t from = 0,
                       const Deadline& deadline = {}) const;
  // All text, once every writer has closed the pipe.
  std::string wait_closed(const Deadline& deadline = {}) const;

 private:
  void read_all();
  template <class Accept>
  std::string find_line(const std::string& wanted, std::size_t from, const Deadline& deadline, Accept accept) const;

  UniqueFd pipe_;
  UniqueFd stop_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::string text_;
  bool closed_ = false;
  std::thread reader_;
};

}  // namespace preforkd::component
