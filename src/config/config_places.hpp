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

// "FOLDER/NAME.json": a pool's config in one of those folders, or what the generator notes of it.
[[nodiscard]] std::string pool_file(const std::string& folder, std::string_view name);

// Where a pool may have its config: the first of these that exists counts.
[[nodiscard]] std::vector<std::string> pool_files(const ConfigFolders& folders, std::string_view name);

// The name that the config's file gives to its pool: without folder and ".json". A file given by hand may have another
// suffix, or a name that no pool can have.
[[nodiscard]] std::string pool_name_of_config(const std::string& file);

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

// The folders with drop-ins of a config: FILE.d, or if the config is in one of `folders`, NAME.json.d in each of them.
[[nodiscard]] std::vector<std::string> drop_in_folders(const std::string& file, const ConfigFolders& folders);

// The drop-ins that change a config: the *.json in these folders, in order of their names.
[[nodiscard]] std::vector<std::string> drop_ins_of(const std::string& file, const ConfigFolders& folders,
                                                   std::vector<UnreadableFolder>& unreadable);

}  // namespace preforkd
