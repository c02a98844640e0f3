// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"
#include "support/bus_client.hpp"

namespace preforkd::component {

// Answers like polkit's authority, from its own thread. Until an answer is set, callers have to wait.
class FakePolkit {
 public:
  struct Question {
    std::string sender;
    std::string action;
    std::map<std::string, std::string> details;
    bool interactive = false;
  };

  explicit FakePolkit(const std::string& address);
  FakePolkit(const FakePolkit&) = delete;
  FakePolkit& operator=(const FakePolkit&) = delete;
  ~FakePolkit();

  enum class Answer { yes, no, challenge, none, mistrust };
  void set(const std::string& action, Answer answer);
  [[nodiscard]] std::vector<Question> questions() const;

 private:
  int on_call(sd_bus_message* call);
  void serve();

  BusClient bus_;
  UniqueFd stop_;
  mutable std::mutex mutex_;
  std::map<std::string, Answer> answers_;
  std::vector<Question> questions_;
  std::thread thread_;
};

}  // namespace preforkd::component
