// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "base/errors.hpp"

namespace preforkd {

// The file "alert" in the folder that systemd has made for a service. It exists while the alert of its pool is raised,
// and has one line that says why. preforkd-alert@NAME.path waits for it. Every user may read it. A pool started by hand
// has no such file, and nothing is done.
class AlertFile {
 public:
  AlertFile();

  [[nodiscard]] bool exists() const noexcept;
  // The file appears complete, so what waits for it is woken once.
  [[nodiscard]] Result<void> write(const std::string& line) const;
  void remove() const noexcept;

 private:
  std::string path_;  // empty: there is none
};

}  // namespace preforkd
