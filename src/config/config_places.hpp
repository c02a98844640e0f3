// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace preforkd {

// The folders of pool configs, as systemd has folders of units: a file in an earlier folder hides one of the same name
// in a later folder, and a symbolic link to /dev/null hides it altogether.
using ConfigFolders = std::vector<std::string>;
[[nodiscard]] const ConfigFolders& config_folders();  // /etc/preforkd, /usr/lib/preforkd

// Where preforkd-generator keeps the last valid units of each pool, and why its config is not valid now.
inline constexpr const char* generator_notes = "/run/preforkd-generator";

// A folder that exists but cannot be read. A missing folder counts as empty.
struct UnreadableFolder {
  std::string path;
  std::string reason;
};

// The file of each pool, by the pool's name; also files whose names no pool can have.
[[nodiscard]] std::map<std::string, std::string> find_configs(const ConfigFolders& folders,
                                                              std::vector<UnreadableFolder>& unreadable);

// The file of one pool; empty if it has none.
[[nodiscard]] std::string find_config(std::string_view name, const ConfigFolders& folders);

// The drop-ins that change a config: FILE.d/*.json in order of their names. If the config is in one of `folders`, those
// of all of them.
[[nodiscard]] std::vector<std::string> drop_ins_of(const std::string& file, const ConfigFolders& folders,
                                                   std::vector<UnreadableFolder>& unreadable);

}  // namespace preforkd
