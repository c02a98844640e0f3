// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "base/errors.hpp"

namespace preforkd {

// The file "alert" in the folder that systemd has made for a service: there while somebody is to know that its pool
// does not serve as it should, with one line that says why. preforkd-alert@NAME.path waits for it. Every user may read
// it. By hand there is none, and nothing is done.
class AlertFile {
 public:
  AlertFile();

  [[nodiscard]] bool exists() const noexcept;
  // Appears whole: who waits for it is woken once.
  [[nodiscard]] Result<void> write(const std::string& line) const;
  void remove() const noexcept;

 private:
  std::string path_;  // empty: there is none
};

}  // namespace preforkd
