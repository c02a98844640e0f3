// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "base/unique_fd.hpp"
#include "config/config.hpp"

namespace preforkd {

// Sees that the file or a drop-in of a config is written, comes or goes (inotify on their folders). What a symbolic
// link leads to is not watched, and a folder that is not there yet neither.
class ConfigWatch {
 public:
  explicit ConfigWatch(const ConfigSource& source);

  // Readable when there is something to be read; -1 if nothing can be watched.
  [[nodiscard]] int fd() const noexcept { return inotify_.get(); }
  // Takes in what there is. True if any of it was about the config.
  [[nodiscard]] bool changed();

 private:
  void add(const std::string& folder, const std::string& prefix);

  UniqueFd inotify_;
  std::map<int, std::string> prefix_of_;  // of the names that count
};

}  // namespace preforkd
