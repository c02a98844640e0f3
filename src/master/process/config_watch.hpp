// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "base/unique_fd.hpp"
#include "config/config.hpp"

namespace preforkd {

// Notices when the file or a drop-in of a config is written, appears or disappears (inotify on their folders). Does not
// watch the targets of symbolic links, or folders that do not exist yet.
class ConfigWatch {
 public:
  explicit ConfigWatch(const ConfigSource& source);

  // Readable when changed() has something to read; -1 if nothing can be watched.
  [[nodiscard]] int fd() const noexcept { return inotify_.get(); }
  // Reads all pending events. True if one of them was about the config.
  [[nodiscard]] bool changed();

 private:
  void add(const std::string& folder, const std::string& prefix);

  UniqueFd inotify_;
  std::map<int, std::string> prefix_of_;  // of the names that count
};

}  // namespace preforkd
