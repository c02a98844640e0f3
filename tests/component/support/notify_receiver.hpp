// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "support/deadline.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {

// Takes the place of systemd at the other end of NOTIFY_SOCKET.
class NotifyReceiver {
 public:
  enum class Keep { all, nothing };  // in seen()
  explicit NotifyReceiver(Keep keep = Keep::all);

  // For the environment of the program under test.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  // Fills the queue with messages without content: the next sender must wait, or try again.
  void fill() const;

  struct Message {
    pid_t sender = 0;
    std::map<std::string, std::string> fields;            // "READY" → "1"
    std::vector<std::shared_ptr<const UniqueFd>> stored;  // with FDSTORE=1
  };
  // The next message. Throws HarnessError if none arrives before the deadline.
  Message receive(const Deadline& deadline = {});
  // The next message with this field (and value); earlier ones are kept in seen().
  Message wait_for(const std::string& field, const std::string& value = {}, const Deadline& deadline = {});
  // All that has arrived and was not received before, in order.
  std::vector<Message> receive_all();
  // Reads everything that has arrived. True if no message so far had this field.
  bool never_saw(const std::string& field);
  [[nodiscard]] const std::vector<Message>& seen() const noexcept { return seen_; }

 private:
  Message take();

  TempDir directory_;
  std::string path_;
  UniqueFd fd_;
  const Keep keep_;
  std::vector<Message> seen_;
};

}  // namespace preforkd::component
