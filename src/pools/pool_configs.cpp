// SPDX-License-Identifier: MIT
#include "pools/pool_configs.hpp"

#include <fstream>

#include "config/config_places.hpp"
#include "config/values/pool_name.hpp"
#include "pools/bus/json.hpp"

namespace preforkd {
namespace {

// Also empty if there is no readable note.
std::string noted_problem(const std::string& root, const std::string& pool) {
  std::ifstream file(pool_file(root + generator_notes, pool));
  const Json note = Json::parse(file, nullptr, false);
  if (!note.is_object()) return "";
  const auto problem = note.find("problem");
  return problem != note.end() && problem->is_string() ? problem->get<std::string>() : "";
}

}  // namespace

PoolConfigs PoolConfigs::below(const std::string& root) {
  PoolConfigs configs;
  configs.root_ = root;
  ConfigFolders folders = config_folders();
  for (std::string& folder : folders) folder.insert(0, root);
  std::vector<UnreadableFolder> unreadable;
  for (const auto& [name, file] : find_configs(folders, unreadable)) {
    if (is_pool_name(name)) configs.all_[name] = {file, noted_problem(root, name)};
  }
  configs.complete_ = unreadable.empty();
  return configs;
}

PoolConfigs PoolConfigs::for_bus(const BusTarget& target, const std::optional<std::string>& root) {
  if (root) return below(*root);
  return target.is_local_system() ? below("") : PoolConfigs();
}

KnownConfig PoolConfigs::of(const std::string& pool) const {
  const auto found = all_.find(pool);
  return found != all_.end() ? found->second : KnownConfig();
}

std::string PoolConfigs::place_of(const std::string& pool) const {
  return pool_file(root_ + config_folders().front(), pool);
}

}  // namespace preforkd
