// SPDX-License-Identifier: MIT
#include "master/process/alert_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/unique_fd.hpp"
#include "master/base/message_id.hpp"
#include "master/process/runtime_directory.hpp"

namespace preforkd {

AlertFile::AlertFile() {
  if (const std::string folder = given_runtime_directory(); !folder.empty()) path_ = folder + "/alert";
}

bool AlertFile::exists() const noexcept { return !path_.empty() && access(path_.c_str(), F_OK) == 0; }

void AlertFile::raise(const std::string& sentence, const std::string& line, log::Fields fields) const {
  fields.push_back(message_id::field(message_id::pool_alert));
  log::error("alert: " + sentence, fields);
  if (const auto written = write(line); !written) log::error("cannot write the alert file: " + written.error().text);
}

Result<void> AlertFile::write(const std::string& line) const {
  if (path_.empty()) return {};
  const std::string fresh = path_ + ".new";
  unlink(fresh.c_str());
  const UniqueFd file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  const std::string text = line + "\n";
  if (!file || fchmod(file.get(), 0644) != 0 || ::write(file.get(), text.data(), text.size()) < 0 ||
      rename(fresh.c_str(), path_.c_str()) != 0) {
    return os_failure(errno, path_ + ": ");
  }
  return {};
}

void AlertFile::remove() const noexcept {
  if (!path_.empty()) unlink(path_.c_str());
}

}  // namespace preforkd
