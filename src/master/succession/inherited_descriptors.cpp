// SPDX-License-Identifier: MIT
#include "master/succession/inherited_descriptors.hpp"

#include <fcntl.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <utility>

#include "base/errors.hpp"
#include "base/whole_number.hpp"
#include "master/succession/pool_records.hpp"

namespace preforkd {
namespace {

struct NameList {
  char** names = nullptr;
  NameList() = default;
  NameList(const NameList&) = delete;
  NameList& operator=(const NameList&) = delete;
  ~NameList() {
    for (char** name = names; name != nullptr && *name != nullptr; ++name) std::free(*name);
    std::free(names);
  }
};

std::vector<InheritedDescriptors::Named> of_systemd() {
  NameList list;
  constexpr int unset_environment = 1;
  const int count = sd_listen_fds_with_names(unset_environment, &list.names);
  if (count < 0) throw ExitError(exit_code::unavailable, "cannot listen: LISTEN_FDS: " + errno_text(-count));
  std::vector<InheritedDescriptors::Named> found;
  for (int i = 0; i < count; ++i) found.push_back({list.names[i], UniqueFd(SD_LISTEN_FDS_START + i)});
  return found;
}

// This process had them before its execve, and wrote the image.
std::vector<InheritedDescriptors::Named> of_image(int image) {
  std::vector<InheritedDescriptors::Named> found;
  const Result<ImageFile::Records> records = ImageFile::read(image);
  if (!records) return found;
  const auto names = record_of<std::map<int, std::string>>(*records, RecordType::descriptors);
  if (!names) return found;
  for (const auto& [fd, name] : *names) {
    if (fd <= STDERR_FILENO || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) continue;
    found.push_back({name, UniqueFd(fd)});
  }
  return found;
}

}  // namespace

InheritedDescriptors InheritedDescriptors::take() {
  InheritedDescriptors inherited;
  inherited.descriptors_ = of_systemd();
  const char* const image = getenv(image_variable);
  if (image == nullptr) return inherited;
  if (const std::optional<int> fd = whole_number<int>(image)) {
    std::vector<Named> found = of_image(*fd);
    if (!found.empty()) inherited.descriptors_ = std::move(found);
  }
  unsetenv(image_variable);
  return inherited;
}

std::vector<std::string> InheritedDescriptors::names() const {
  std::vector<std::string> names;
  for (const Named& each : descriptors_) names.push_back(each.name);
  return names;
}

std::vector<InheritedDescriptors::Numbered> InheritedDescriptors::take(DescriptorName::Kind kind) {
  std::vector<Numbered> taken;
  std::vector<Named> rest;
  for (Named& each : descriptors_) {
    const auto name = DescriptorName::parse(each.name);
    if (name && name->kind == kind) {
      taken.push_back({name->number, std::move(each.fd)});
    } else {
      rest.push_back(std::move(each));
    }
  }
  descriptors_ = std::move(rest);
  return taken;
}

}  // namespace preforkd
