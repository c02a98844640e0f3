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
std::map<std::string, std::string> list(const std::vector<std::string>& folders,
                                        std::vector<UnreadableFolder>& unreadable) {
  std::map<std::string, std::string> files;
  for (const std::string& folder : folders) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      std::string name = entry->path().filename().string();
      const bool hidden = name.front() == '.';  // an editor's, or a file that is still being written
      if (!hidden && name.size() > suffix.size() && name.ends_with(suffix))
        files.emplace(std::move(name), entry->path().string());
    }
    if (error && error != std::errc::no_such_file_or_directory)
      unreadable.push_back({folder, "cannot be read: " + access_text(error.value())});
  }
  std::erase_if(files, [](const auto& each) { return is_masked(each.second); });
  return files;
}

}  // namespace

const ConfigFolders& config_folders() {
  static const ConfigFolders folders = {PREFORKD_SYSCONFDIR "/preforkd", PREFORKD_VENDOR_DIR "/preforkd"};
  return folders;
}

std::string pool_file(const std::string& folder, std::string_view name) {
  return folder + '/' + std::string(name) + std::string(suffix);
}

std::vector<std::string> pool_files(const ConfigFolders& folders, std::string_view name) {
  std::vector<std::string> files;
  for (const std::string& folder : folders) files.push_back(pool_file(folder, name));
  return files;
}

std::string pool_name_of_config(const std::string& file) { return fs::path(file).stem(); }

std::map<std::string, std::string> find_configs(const ConfigFolders& folders,
                                                std::vector<UnreadableFolder>& unreadable) {
  std::map<std::string, std::string> pools;
  for (auto& [name, path] : list(folders, unreadable))
    pools.emplace(name.substr(0, name.size() - suffix.size()), std::move(path));
  return pools;
}

std::string find_config(std::string_view name, const ConfigFolders& folders) {
  for (const std::string& file : pool_files(folders, name)) {
    std::error_code error;
    if (fs::symlink_status(file, error).type() != fs::file_type::not_found) return is_masked(file) ? "" : file;
  }
  return "";
}

std::vector<std::string> drop_in_folders(const std::string& file, const ConfigFolders& folders) {
  const fs::path path(file);
  const std::string name = path.filename().string() + ".d";
  if (std::find(folders.begin(), folders.end(), path.parent_path().string()) == folders.end())
    return {path.parent_path() / name};
  std::vector<std::string> places;
  for (const std::string& folder : folders) places.push_back(fs::path(folder) / name);
  return places;
}

std::vector<std::string> drop_ins_of(const std::string& file, const ConfigFolders& folders,
                                     std::vector<UnreadableFolder>& unreadable) {
  std::vector<std::string> drop_ins;
  for (auto& [name, drop_in] : list(drop_in_folders(file, folders), unreadable)) drop_ins.push_back(std::move(drop_in));
  return drop_ins;
}

}  // namespace preforkd
