// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace preforkd {

// journald's sockets without libsystemd's calls, which wait for a journald that hangs: it may be stopped, waiting for a
// slow disk, or behind by the 512 messages that its socket holds.

// Writes entries by the native protocol: https://systemd.io/JOURNAL_NATIVE_PROTOCOL.
class JournalSocket {
 public:
  static constexpr const char* path = "/run/systemd/journal/socket";

  // Nothing is opened before the first send().
  explicit JournalSocket(std::string path_of_socket = path) : path_(std::move(path_of_socket)) {}

  // Adds a field to an entry. Cuts a value at 48 KiB, journald's limit of a line.
  static void add_field(std::string& entry, std::string_view name, std::string_view value);

  // Sends an entry. False if that would block or if there is no journald.
  [[nodiscard]] bool send(const std::string& entry) noexcept;

 private:
  const std::string path_;
  UniqueFd fd_;
};

// A stream whose lines become entries of `identifier` at level info, or at the level of their <N> prefix
// (sd_journal_stream_fd(3)). For a program's stdout: writing to it blocks. Empty if journald accepts none now.
[[nodiscard]] UniqueFd open_journal_stream(const std::string& identifier,
                                           const std::string& path = "/run/systemd/journal/stdout") noexcept;

}  // namespace preforkd
