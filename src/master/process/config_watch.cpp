// SPDX-License-Identifier: MIT
#include "master/process/config_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <string_view>

namespace preforkd {

namespace fs = std::filesystem;

ConfigWatch::ConfigWatch(const ConfigSource& source) : inotify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  if (!source.look_up) {
    if (!source.file.empty()) add(fs::path(source.file).parent_path(), fs::path(source.file).filename());
    if (!source.file.empty()) add(source.file + ".d", "");
  } else {
    for (const std::string& folder : source.folders) {
      add(folder, source.name + ".json");
      add(folder + '/' + source.name + ".json.d", "");
    }
  }
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
