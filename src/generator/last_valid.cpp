// SPDX-License-Identifier: MIT
#include "generator/last_valid.hpp"

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

namespace preforkd {

namespace fs = std::filesystem;
using nlohmann::json;

PoolUnits LastValid::recall(const std::string& pool) const {
  PoolUnits units;
  if (folder_.empty()) return units;
  std::ifstream file(path_of(pool));
  const json kept = json::parse(file, nullptr, false);
  const auto object = [&](const char* key) {
    const json value = kept.is_object() ? kept.value(key, json()) : json();
    return value.is_object() ? value : json::object();
  };
  const json texts = object("units");
  for (const auto& [path, text] : texts.items()) {
    if (text.is_string()) units.files.push_back({path, text.get<std::string>()});
  }
  const json places = object("places");
  for (const auto& [address, number] : places.items()) {
    if (number.is_number_unsigned() && number > 0U) units.places[address] = number.get<std::size_t>();
  }
  return units;
}

void LastValid::forget_all_but(const std::set<std::string>& pools) const {
  std::error_code absent;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, absent)) {
    std::error_code ignored;
    if (!pools.contains(entry.path().stem())) fs::remove(entry.path(), ignored);
  }
}

void LastValid::remember(const std::string& pool, const PoolUnits& units, const std::string& problem) const {
  if (folder_.empty()) return;
  json kept = {{"units", json::object()}, {"places", units.places}};
  for (const UnitFile& unit : units.files) kept["units"][unit.path] = unit.text;
  if (!problem.empty()) kept["problem"] = problem;
  const std::string fresh = path_of(pool) + ".new";
  write_file(fresh, kept.dump(-1, ' ', false, json::error_handler_t::replace));
  fs::rename(fresh, path_of(pool));
}

}  // namespace preforkd
