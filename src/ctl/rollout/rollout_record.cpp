// SPDX-License-Identifier: MIT
#include "ctl/rollout/rollout_record.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "base/errors.hpp"
#include "pools/bus/json.hpp"

namespace preforkd::ctl {
namespace {

std::string state_folder() {
  const char* const chosen = std::getenv("XDG_STATE_HOME");
  if (chosen != nullptr && *chosen == '/') return std::string(chosen) + "/preforkctl";
  const char* const home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return std::string(home) + "/.local/state/preforkctl";
  throw ExitError(exit_code::usage, "rollout: there is no place for its record: set $XDG_STATE_HOME or $HOME");
}

Json record_json(const HostRecord& record) {
  Json object{{"drained", record.drained}};
  if (record.done) {
    object["done"] = {{"version", record.done->version},
                      {"main_pid", record.done->main_pid},
                      {"generation", record.done->generation},
                      {"reloaded_at", record.done->reloaded_at}};
  }
  return object;
}

// Throws what nlohmann::json throws.
HostRecord host_record(const Json& object, bool same_action) {
  HostRecord record;
  record.drained = object.at("drained").get<bool>();
  if (same_action && object.contains("done")) {
    const Json& done = object["done"];
    record.done = PoolMark{done.at("version").get<std::string>(), done.at("main_pid").get<std::uint32_t>(),
                           done.at("generation").get<std::uint32_t>(), done.at("reloaded_at").get<std::uint64_t>()};
  }
  return record;
}

}  // namespace

RolloutRecord::RolloutRecord(const std::string& pool, bool upgrade, bool acts)
    : path_(state_folder() + "/rollout-" + pool + ".json"), action_(upgrade ? "upgrade" : "reload") {
  if (acts) lock();
  read();
}

// Where nothing can be written, write() says so.
void RolloutRecord::lock() {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
  lock_.reset(::open((path_ + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock_ && ::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    throw ExitError(exit_code::failure, "rollout: another rollout of this pool is running");
}

void RolloutRecord::read() {
  std::ifstream file(path_);
  std::stringstream text;
  text << file.rdbuf();
  const Json all = Json::parse(text.str(), nullptr, false);
  try {
    const bool same_action = all.is_object() && all.value("action", "") == action_;
    for (const auto& [host, record] : all.at("hosts").items()) hosts_[host] = host_record(record, same_action);
  } catch (const Json::exception&) {
    hosts_.clear();
  }
}

bool RolloutRecord::set(const std::string& host, const HostRecord& record) {
  if (record.drained || record.done) {
    hosts_[host] = record;
  } else {
    hosts_.erase(host);
  }
  return write();
}

bool RolloutRecord::forget(const std::vector<std::string>& hosts) {
  for (const std::string& host : hosts) hosts_.erase(host);
  return write();
}

bool RolloutRecord::write() const {
  std::error_code error;
  if (hosts_.empty()) {
    std::filesystem::remove(path_, error);
    return !error;
  }
  Json all{{"action", action_}, {"hosts", Json::object()}};
  for (const auto& [host, record] : hosts_) all["hosts"][host] = record_json(record);
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), error);
  const std::string unfinished = path_ + ".new";
  std::ofstream file(unfinished);
  file << all.dump(2) << '\n';
  file.close();
  if (!file) return false;
  std::filesystem::rename(unfinished, path_, error);
  return !error;
}

}  // namespace preforkd::ctl
