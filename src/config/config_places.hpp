// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace preforkd {

// Where pools have their configs, as systemd has its units: what stands in an earlier folder hides what has the same
// name in a later one, and a symbolic link to /dev/null hides it for good.
using ConfigFolders = std::vector<std::string>;
[[nodiscard]] const ConfigFolders& config_folders();  // /etc/preforkd, /usr/lib/preforkd

// Where preforkd-generator keeps what the next daemon-reload goes by while a config is not valid, and says why.
inline constexpr const char* generator_notes = "/run/preforkd-generator";

// A folder that is there but can't be read. One that is not there is empty.
struct UnreadableFolder {
  std::string path;
  std::string reason;
};

// The file of each pool, by the pool's name; names that no pool can have are there, too.
[[nodiscard]] std::map<std::string, std::string> find_configs(const ConfigFolders& folders,
                                                              std::vector<UnreadableFolder>& unreadable);

// The file of one pool; empty if it has none.
[[nodiscard]] std::string find_config(std::string_view name, const ConfigFolders& folders);

// What changes a config after it: FILE.d/*.json in order of their names. Of a config that is in one of `folders`, those
// of all of them.
[[nodiscard]] std::vector<std::string> drop_ins_of(const std::string& file, const ConfigFolders& folders,
                                                   std::vector<UnreadableFolder>& unreadable);

}  // namespace preforkd
