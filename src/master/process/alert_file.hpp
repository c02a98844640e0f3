// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "base/errors.hpp"
#include "master/base/log.hpp"

namespace preforkd {

// The file "alert" in the folder that systemd has made for a service. It exists while the alert of its pool is raised,
// and has one line that says why. preforkd-alert@NAME.path waits for it. Every user may read it. A pool started by hand
// has no such file, and nothing is done.
class AlertFile {
 public:
  AlertFile();

  [[nodiscard]] bool exists() const noexcept;
  // Logs `sentence` as an error, with these fields, and writes the file. A file that cannot be written is only logged.
  void raise(const std::string& sentence, const std::string& line, log::Fields fields = {}) const;
  void remove() const noexcept;

 private:
  // The file appears complete, so what waits for it is woken once.
  [[nodiscard]] Result<void> write(const std::string& line) const;

  std::string path_;  // empty: there is none
};

}  // namespace preforkd
