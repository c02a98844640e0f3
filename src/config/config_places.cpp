// SPDX-License-Identifier: MIT
#include "config/config_places.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "config/values/access_text.hpp"

namespace preforkd {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".json";

bool is_masked(const fs::path& path) {
  std::error_code error;
  return fs::is_symlink(path, error) && fs::read_symlink(path, error) == "/dev/null";
}

// Files whose names end in .json, by name. Of two with the same name, the one in the earlier folder.
std::map<std::string, std::string> list(const std::vector<fs::path>& folders,
                                        std::vector<UnreadableFolder>& unreadable) {
  std::map<std::string, std::string> files;
  for (const fs::path& folder : folders) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      std::string name = entry->path().filename().string();
      const bool hidden = name.front() == '.';  // an editor's, or a file that is still being written
      if (!hidden && name.size() > suffix.size() && name.ends_with(suffix))
        files.emplace(std::move(name), entry->path().string());
    }
    if (error && error != std::errc::no_such_file_or_directory)
      unreadable.push_back({folder.string(), "cannot be read: " + access_text(error.value())});
  }
  std::erase_if(files, [](const auto& each) { return is_masked(each.second); });
  return files;
}

}  // namespace

const ConfigFolders& config_folders() {
  static const ConfigFolders folders = {PREFORKD_SYSCONFDIR "/preforkd", PREFORKD_VENDOR_DIR "/preforkd"};
  return folders;
}

std::map<std::string, std::string> find_configs(const ConfigFolders& folders,
                                                std::vector<UnreadableFolder>& unreadable) {
  std::map<std::string, std::string> pools;
  for (auto& [name, path] : list({folders.begin(), folders.end()}, unreadable))
    pools.emplace(name.substr(0, name.size() - suffix.size()), std::move(path));
  return pools;
}

std::string find_config(std::string_view name, const ConfigFolders& folders) {
  for (const std::string& folder : folders) {
    const fs::path path = fs::path(folder) / (std::string(name) + std::string(suffix));
    std::error_code error;
    if (fs::symlink_status(path, error).type() != fs::file_type::not_found) return is_masked(path) ? "" : path.string();
  }
  return "";
}

std::vector<std::string> drop_ins_of(const std::string& file, const ConfigFolders& folders,
                                     std::vector<UnreadableFolder>& unreadable) {
  const fs::path path(file);
  const fs::path folder = path.filename().string() + ".d";
  std::vector<fs::path> places;
  if (std::find(folders.begin(), folders.end(), path.parent_path().string()) == folders.end()) {
    places.push_back(path.parent_path() / folder);
  } else {
    for (const std::string& each : folders) places.push_back(fs::path(each) / folder);
  }
  std::vector<std::string> drop_ins;
  for (auto& [name, drop_in] : list(places, unreadable)) drop_ins.push_back(std::move(drop_in));
  return drop_ins;
}

}  // namespace preforkd
