// SPDX-License-Identifier: MIT
#include "config/reader/listen_reader.hpp"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <optional>
#include <utility>

#include "base/whole_number.hpp"
#include "config/reader/listen_overlap.hpp"
#include "config/values/environment_variable.hpp"

namespace preforkd {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 6> keys = {"address", "name", "backlog", "mode", "user", "group"};
constexpr std::size_t max_name_bytes = 255;  // FDNAME_MAX of systemd

// The id of the user or group that has this name, or else this number. Calls getpwnam_r or getgrnam_r with a buffer
// that grows until the entry fits.
template <class Entry, class Lookup>
Result<unsigned> id_of(const std::string& name, Lookup lookup, unsigned Entry::*id, const char* none) {
  std::vector<char> buffer;
  for (buffer.resize(1024); buffer.size() <= 1024 * 1024; buffer.resize(buffer.size() * 2)) {
    Entry entry{};
    Entry* found = nullptr;
    const int error = lookup(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE || error == EINTR) continue;
    if (error != 0) return os_failure(error, "can't be looked up: ");
    if (found != nullptr) return found->*id;
    if (const auto number = whole_number<unsigned>(name); number && *number != static_cast<unsigned>(-1))
      return *number;
    return Failure(none);
  }
  return Failure("can't be looked up: its entry is too large");
}

Result<uid_t> user_id(const std::string& name) { return id_of(name, getpwnam_r, &passwd::pw_uid, "no such user"); }
Result<gid_t> group_id(const std::string& name) { return id_of(name, getgrnam_r, &group::gr_gid, "no such group"); }

bool is_socket_name(std::string_view name) noexcept {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~' && c != ':'; });
}

void read_name(ConfigReader& entry, ListenConfig& out) {
  std::string name;
  if (!entry.read_string("name", name, max_name_bytes)) return;
  if (is_socket_name(name)) {
    out.name = name;
  } else {
    entry.refuse("name", "must be printable ASCII without ':'");
  }
}

void read_owner(ConfigReader& entry, ListenConfig& out) {
  if (entry.read_string("user", out.user_name, 256)) {
    if (const auto id = user_id(out.user_name)) {
      out.options.unix_user = *id;
    } else {
      entry.refuse("user", id.error().text);
      entry.blame_outside();
    }
  }
  if (entry.read_string("group", out.group_name, 256)) {
    if (const auto id = group_id(out.group_name)) {
      out.options.unix_group = *id;
    } else {
      entry.refuse("group", id.error().text);
      entry.blame_outside();
    }
  }
}

void refuse_file_keys(ConfigReader& entry, const Address& address) {
  if (address.is_unix_path()) return;
  for (const char* const key : {"mode", "user", "group"}) {
    if (entry.find(key) != nullptr) entry.refuse(key, "is for UNIX socket paths only");
  }
}

// Keeps a path in the form that the kernel gets, so that a socket unit listens on the same one. Returns an empty string
// if it is an address, else why not.
std::string take_address(std::string text, ListenConfig& out) {
  const Result<Address> address = parse_address(text);
  if (!address) return address.error().text;
  out.address = *address;
  out.text = address->is_unix_path() ? address->unix_name() : std::move(text);
  return {};
}

bool read_address(ConfigReader& entry, ListenConfig& out) {
  if (entry.find("address") == nullptr) {
    entry.refuse("address", "is missing; an entry needs an address such as \"127.0.0.1:9505\" or \"/run/x.sock\"");
    return false;
  }
  std::string text;
  if (!entry.read_string("address", text, max_exec_string_bytes)) return false;
  const std::string problem = take_address(std::move(text), out);
  if (!problem.empty()) entry.refuse("address", problem);
  return problem.empty();
}

bool read_object(ConfigReader entry, ListenConfig& out) {
  entry.allow_only(keys);
  read_name(entry, out);
  entry.read_number("backlog", out.options.backlog, {1, std::numeric_limits<int>::max()});
  entry.read_mode("mode", out.options.unix_mode, "\"0660\"");
  read_owner(entry, out);
  if (!read_address(entry, out)) return false;
  refuse_file_keys(entry, out.address);
  return true;
}

bool read_entry(ConfigReader& config, std::size_t index, const Json& value, ListenConfig& out) {
  const std::string below = '[' + std::to_string(index) + ']';
  if (value.is_object()) return read_object(config.element("listen", index, value), out);
  if (!value.is_string()) {
    config.refuse_below("listen", below, value, "must be an address in quotes, or an object with an \"address\"");
    return false;
  }
  const std::string problem = take_address(value.get<std::string>(), out);
  if (!problem.empty()) config.refuse_below("listen", below, value, problem);
  return problem.empty();
}

}  // namespace

std::span<const std::string_view> listen_keys() noexcept { return keys; }

void read_listen(ConfigReader& config, const std::string& pool_name, std::vector<ListenConfig>& out) {
  const Json* const list = config.find("listen");
  if (list == nullptr) return;
  if (!list->is_array() || list->empty()) {
    config.refuse("listen", "must be an array of addresses: [\"127.0.0.1:9505\"]");
    return;
  }
  if (list->size() > max_listen_entries) {
    config.refuse("listen", "has " + std::to_string(list->size()) + " entries; the limit is " +
                                std::to_string(max_listen_entries));
    return;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    ListenConfig listen;
    listen.name = pool_name;
    const Json& value = (*list)[i];
    if (!read_entry(config, i, value, listen)) continue;
    // Port 0 means any free port, so it may occur twice.
    const bool twice =
        !listen.address.has_any_port() &&
        std::any_of(out.begin(), out.end(), [&](const ListenConfig& other) { return listen.address == other.address; });
    const std::string problem = twice ? "is the address of an earlier entry, too" : sort_out_overlap(out, listen);
    if (problem.empty()) {
      out.push_back(std::move(listen));
    } else {
      config.refuse_below("listen", '[' + std::to_string(i) + ']', value, problem);
    }
  }
}

}  // namespace preforkd
