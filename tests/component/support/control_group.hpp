// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <string>

namespace preforkd::component {

// A control group with a limit, made for one test and removed after it. It is made below our own group or at the top,
// in either version, wherever this machine allows it.
class TestControlGroup {
 public:
  struct Limit {
    std::string controller;  // "cpu"
    std::string unified;     // in version 2: "cpu.max"
    std::string unified_value;
    std::string legacy;  // in version 1: "cpu.cfs_quota_us"
    std::string legacy_value;
  };
  explicit TestControlGroup(const Limit& limit);
  TestControlGroup(const TestControlGroup&) = delete;
  TestControlGroup& operator=(const TestControlGroup&) = delete;
  // Waits until the processes in it have ended.
  ~TestControlGroup();

  [[nodiscard]] explicit operator bool() const noexcept { return !path_.empty(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  // Why it could not be made.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

  // Puts a process into it; its later children are in it, too.
  void take(pid_t process) const;

 private:
  void try_at(const std::string& parent, const std::string& file, const std::string& value);

  std::string path_;
  std::string reason_;
};

}  // namespace preforkd::component
