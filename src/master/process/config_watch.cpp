// SPDX-License-Identifier: MIT
#include "master/process/config_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

namespace preforkd {

namespace fs = std::filesystem;

ConfigWatch::ConfigWatch(const ConfigSource& source) : inotify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  std::vector<std::string> files;
  if (source.look_up) {
    files = pool_files(source.folders, source.name);
  } else if (!source.file.empty()) {
    files = {source.file};
  }
  if (files.empty()) return;
  for (const fs::path file : files) add(file.parent_path(), file.filename());
  for (const std::string& folder : drop_in_folders(files.front(), source.folders)) add(folder, "");
}

void ConfigWatch::add(const std::string& folder, const std::string& prefix) {
  constexpr std::uint32_t events = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB;
  const int watch = inotify_add_watch(inotify_.get(), folder.c_str(), events | IN_ONLYDIR);
  if (watch >= 0) prefix_of_[watch] = prefix;
}

bool ConfigWatch::changed() {
  alignas(inotify_event) std::array<char, 4096> buffer{};
  bool any = false;
  for (;;) {
    const ssize_t size = read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) return any;
    inotify_event event{};
    for (std::size_t at = 0; at < static_cast<std::size_t>(size); at += sizeof event + event.len) {
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* const name = event.len > 0 ? buffer.data() + at + sizeof event : "";
      const auto prefix = prefix_of_.find(event.wd);
      any = any || (prefix != prefix_of_.end() && std::string_view(name).starts_with(prefix->second));
    }
  }
}

}  // namespace preforkd
