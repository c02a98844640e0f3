// SPDX-License-Identifier: MIT
// The schema, the echo pool and the examples agree with the config reader.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include "config/reader/json_document.hpp"
#include "config/reader/pool_reader.hpp"
#include "config/reader/text_file.hpp"

namespace preforkd {
namespace {

using Json = nlohmann::json;

Json load(const std::filesystem::path& file) {
  const auto text = read_text_file(file.string(), 1024 * 1024);
  if (!text) throw std::runtime_error(file.string() + ": " + text.error().text);
  auto document = parse_json_document(*text);
  if (!document) throw std::runtime_error(file.string() + ": " + document.error().reason);
  return *document;
}

const Json& section_of(const Json& schema, std::string_view path) {
  if (path.empty()) return schema;
  if (const std::size_t dot = path.rfind('.'); dot != std::string_view::npos)
    return section_of(section_of(schema, path.substr(0, dot)), path.substr(dot + 1));
  const Json& property = schema["properties"][std::string(path)];
  const Json* choice = &property;
  if (property.contains("items")) choice = &property["items"];
  if (!choice->contains("anyOf")) return *choice;
  for (const Json& each : (*choice)["anyOf"]) {
    if (each.contains("properties")) return each;
  }
  return property;
}

TEST(PoolSchema, has_the_keys_of_the_checker) {
  const Json schema = load(std::filesystem::path(PREFORKD_CONFIG_FOLDER) / "pool.schema.json");
  for (const ConfigSection& section : config_sections()) {
    const Json& described = section_of(schema, section.path);
    EXPECT_EQ(described["additionalProperties"], false) << section.path;
    std::set<std::string> keys;
    for (const auto& [key, property] : described["properties"].items()) {
      keys.insert(key);
      EXPECT_TRUE(property.contains("description") || property.contains("$ref")) << section.path << '.' << key;
    }
    EXPECT_EQ(keys, std::set<std::string>(section.keys.begin(), section.keys.end())) << section.path;
  }
}

// The default of each key that has one, as a config: reading it must give what reading nothing gives.
TEST(PoolSchema, has_the_defaults_of_the_checker) {
  const Json schema = load(std::filesystem::path(PREFORKD_CONFIG_FOLDER) / "pool.schema.json");
  Json config = {{"program", {"/bin/true"}}};
  for (const ConfigSection& section : config_sections()) {
    if (section.path == "listen" || section.path.starts_with("workers")) continue;
    for (const auto& [key, property] : section_of(schema, section.path)["properties"].items()) {
      if (!property.contains("default")) continue;
      (section.path.empty() ? config : config[std::string(section.path)])[key] = property["default"];
    }
  }
  std::vector<ConfigProblem> problems;
  const PoolConfig pool = read_pool(config, "pool", problems);
  std::erase_if(problems, [](const ConfigProblem& each) { return each.outside; });  // the user may not be here
  ASSERT_TRUE(problems.empty()) << problems.front().key << ": " << problems.front().reason;
  const PoolConfig defaults;
  EXPECT_EQ(pool.workers.initial, defaults.workers.initial);
  EXPECT_EQ(pool.ready, defaults.ready);
  EXPECT_EQ(pool.start_timeout, defaults.start_timeout);
  EXPECT_EQ(pool.drain_timeout, defaults.drain_timeout);
  EXPECT_EQ(pool.hang_timeout, defaults.hang_timeout);
  EXPECT_EQ(pool.alert_after, defaults.alert_after);
  EXPECT_EQ(pool.rebalance, defaults.rebalance);
  EXPECT_EQ(pool.stop, defaults.stop);
  EXPECT_EQ(pool.stop_signal, defaults.stop_signal);
  EXPECT_EQ(pool.restart.delay, defaults.restart.delay);
  EXPECT_EQ(pool.restart.max_delay, defaults.restart.max_delay);
  EXPECT_EQ(pool.restart.forget_after, defaults.restart.forget_after);
  EXPECT_EQ(pool.restart.never, defaults.restart.never);
  EXPECT_EQ(pool.recycle.requests, defaults.recycle.requests);
  EXPECT_EQ(pool.recycle.age, defaults.recycle.age);
  EXPECT_EQ(pool.recycle.memory, defaults.recycle.memory);
  EXPECT_DOUBLE_EQ(pool.recycle.jitter, defaults.recycle.jitter);
  EXPECT_EQ(pool.recycle.at_most, defaults.recycle.at_most);
  EXPECT_EQ(pool.reload.max_surge, defaults.reload.max_surge);
  EXPECT_EQ(pool.reload.max_unavailable, defaults.reload.max_unavailable);
  EXPECT_EQ(pool.reload.soak, defaults.reload.soak);
  EXPECT_EQ(pool.reload.max_draining, defaults.reload.max_draining);
  EXPECT_EQ(pool.directory, defaults.directory);
  EXPECT_EQ(pool.process.umask, defaults.process.umask);
  EXPECT_EQ(pool.process.nice, defaults.process.nice);
  EXPECT_TRUE(pool.process.limits.empty());
  EXPECT_FALSE(pool.process.cpu_affinity.spread);
  EXPECT_TRUE(pool.process.cpu_affinity.cpus.empty());
  EXPECT_EQ(pool.settings, defaults.settings);
}

TEST(PoolSchema, has_the_defaults_of_scale) {
  const Json schema = load(std::filesystem::path(PREFORKD_CONFIG_FOLDER) / "pool.schema.json");
  Json scale = Json::object();
  for (const auto& [key, property] : section_of(schema, "workers.scale")["properties"].items()) {
    ASSERT_TRUE(property.contains("default")) << key;
    scale[key] = property["default"];
  }
  std::vector<ConfigProblem> problems;
  const Json config = {{"program", {"/bin/true"}}, {"workers", {{"min", 1}, {"max", 2}, {"scale", scale}}}};
  const PoolConfig pool = read_pool(config, "pool", problems);
  ASSERT_TRUE(problems.empty()) << problems.front().key << ": " << problems.front().reason;
  const ScaleConfig defaults;
  EXPECT_EQ(pool.scale->queue, defaults.queue);
  EXPECT_EQ(pool.scale->busy, defaults.busy);
  EXPECT_EQ(pool.scale->up, defaults.up);
  EXPECT_EQ(pool.scale->down, defaults.down);
  EXPECT_EQ(pool.scale->step, defaults.step);
  EXPECT_EQ(pool.scale->idle_for, defaults.idle_for);
  EXPECT_EQ(pool.scale->idle_exit, defaults.idle_exit);
}

TEST(ShippedConfigs, are_valid_but_for_what_this_machine_lacks) {
  const std::filesystem::path folder = PREFORKD_CONFIG_FOLDER;
  std::vector<std::filesystem::path> files = {folder / "echo.json"};
  for (const auto& entry : std::filesystem::directory_iterator(folder / "examples")) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  ASSERT_GE(files.size(), 2U);
  for (const auto& file : files) {
    Json config = load(file);
    config["program"][0] = "/bin/true";
    config["directory"] = "/";
    if (config.contains("listen")) {
      for (Json& listen : config["listen"]) {
        if (listen.is_object() && listen.contains("group")) listen["group"] = "0";
      }
    }
    std::vector<ConfigProblem> problems;
    const PoolConfig pool = read_pool(config, "pool", problems);
    for (const ConfigProblem& problem : problems)
      ADD_FAILURE() << file << ": " << problem.key << ": " << problem.reason;
    EXPECT_FALSE(pool.listen.empty()) << file;
  }
}

TEST(ShippedConfigs, echo_is_the_pool_of_the_documentation) {
  const Json config = load(std::filesystem::path(PREFORKD_CONFIG_FOLDER) / "echo.json");
  EXPECT_EQ(config["listen"], Json({"127.0.0.1:9505"}));
  EXPECT_EQ(config["program"], Json({"/usr/libexec/preforkd/prefork-echo"}));
  EXPECT_EQ(config["workers"], 3);
}

}  // namespace
}  // namespace preforkd
