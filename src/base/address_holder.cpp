// SPDX-License-Identifier: MIT
#include "base/address_holder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <set>
#include <sstream>
#include <vector>

#include "base/address_overlap.hpp"
#include "base/bound_path.hpp"
#include "base/escape.hpp"
#include "base/unique_fd.hpp"
#include "base/worker_variables.hpp"

namespace preforkd {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t title_bytes = 60;

std::string read_all(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 65536> part{};
  for (ssize_t size = 0; (size = ::read(file.get(), part.data(), part.size())) > 0;) {
    text.append(part.data(), static_cast<std::size_t>(size));
  }
  return text;
}

// "0100007F:2521": the host as 32-bit words in the machine's byte order, and the port.
Endpoint parse_endpoint(const std::string& text) {
  const std::size_t colon = text.find(':');
  std::array<std::uint32_t, 4> words{};
  std::uint16_t port = 0;
  if (colon == std::string::npos) return {};
  for (std::size_t i = 0; i < words.size() && (i + 1) * 8 <= colon; ++i) {
    std::from_chars(&text[i * 8], &text[i * 8] + 8, words[i], 16);
  }
  std::from_chars(&text[colon] + 1, text.data() + text.size(), port, 16);
  if (colon == 8) return ipv4_endpoint(words.data(), port);
  Endpoint endpoint{{}, port};
  std::memcpy(&endpoint.host, words.data(), sizeof endpoint.host);
  return endpoint;
}

// One line of /proc/net/tcp or tcp6; the inode if a socket listens there that is in the way.
std::string tcp_inode(const std::string& line, const Endpoint& wanted) {
  if (line.find(" 0A ") == std::string::npos) return {};
  std::istringstream fields(line);
  std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
  fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
  return state == "0A" && overlap(parse_endpoint(local), false, wanted, false) ? inode : "";
}

// One line of /proc/net/unix. A path's socket of preforkd was bound to a name next to the path (open_listener).
std::string unix_inode(const std::string& line, const std::string& wanted) {
  if (line.find(wanted) == std::string::npos) return {};
  std::istringstream fields(line);
  std::string number, count, protocol, flags, type, state, inode, name;
  fields >> number >> count >> protocol >> flags >> type >> state >> inode >> std::ws;
  std::getline(fields, name);
  return flags == "00010000" && (name == wanted || is_bound_beside(name, wanted)) ? inode : "";
}

template <class InodeOf>
void add_sockets(const std::string& table, const InodeOf& inode_of, std::set<std::string>& sockets) {
  std::istringstream lines(read_all("/proc/net/" + table));
  for (std::string line; std::getline(lines, line);) {
    if (const std::string inode = inode_of(line); !inode.empty()) sockets.insert("socket:[" + inode + ']');
  }
}

// The sockets that listen there, as "socket:[4711]".
std::set<std::string> listening_sockets(const Address& address) {
  std::set<std::string> sockets;
  if (address.family() == AF_UNIX) {
    const std::string name = address.unix_name();
    add_sockets(
        "unix", [&](const std::string& line) { return unix_inode(line, name); }, sockets);
    return sockets;
  }
  const Endpoint wanted = endpoint_of(address);
  for (const char* const table : {"tcp", "tcp6"}) {
    add_sockets(
        table, [&](const std::string& line) { return tcp_inode(line, wanted); }, sockets);
  }
  return sockets;
}

bool holds(const fs::path& process, const std::set<std::string>& sockets, std::clock_t limit) {
  std::error_code error;
  for (fs::directory_iterator each(process / "fd", error), end; !error && each != end; each.increment(error)) {
    if (std::clock() > limit) return false;
    std::array<char, 64> target{};
    const ssize_t size = ::readlink(each->path().c_str(), target.data(), target.size());
    if (size > 0 && sockets.contains({target.data(), static_cast<std::size_t>(size)})) return true;
  }
  return false;
}

// The master calls this and must not be blocked for long: on a machine with a million descriptors it gives up.
constexpr std::clock_t patience = CLOCKS_PER_SEC / 4;  // of processor time

std::vector<pid_t> holders_of(const std::set<std::string>& sockets) {
  std::vector<pid_t> holders;
  if (sockets.empty()) return holders;
  std::error_code error;
  const std::clock_t limit = std::clock() + patience;
  for (fs::directory_iterator each("/proc", error), end; !error && each != end; each.increment(error)) {
    if (std::clock() > limit) break;
    pid_t pid = 0;
    const std::string name = each->path().filename();
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
    if (holds(each->path(), sockets, limit)) holders.push_back(pid);
  }
  return holders;
}

std::string folder_of(pid_t pid) { return "/proc/" + std::to_string(pid) + '/'; }

// From a process's environment; empty if it is not set.
std::string variable(const std::string& environment, const std::string& name) {
  const std::size_t at = ('\0' + environment).find('\0' + name + '=');
  return at == std::string::npos ? "" : environment.c_str() + at + name.size() + 1;
}

bool is_worker(pid_t pid) { return !variable(read_all(folder_of(pid) + "environ"), worker_env::pool).empty(); }

// The master is its parent, or with a start script a further ancestor.
bool has_master(pid_t worker) {
  for (std::string pid = std::to_string(worker); pid != "0" && pid != "1";) {
    const std::string status = read_all("/proc/" + pid + "/status");
    const std::size_t at = status.find("PPid:\t");
    if (at == std::string::npos) return true;
    pid = status.substr(at + 6, status.find('\n', at) - at - 6);
    if (read_all("/proc/" + pid + "/comm") == "preforkd\n") return true;
  }
  return false;
}

std::string title(pid_t pid) {
  std::string line = read_all(folder_of(pid) + "cmdline");
  if (line.empty()) line = read_all(folder_of(pid) + "comm");
  while (!line.empty() && (line.back() == '\0' || line.back() == '\n' || line.back() == ' ')) line.pop_back();
  for (char& byte : line) {
    if (byte == '\0') byte = ' ';
  }
  return line;
}

std::string describe_process(pid_t pid) {
  const std::string number = std::to_string(pid);
  std::string text = '"' + escape_bytes(title(pid), title_bytes) + "\" (pid " + number + ')';
  const std::string environment = read_all(folder_of(pid) + "environ");
  const std::string pool = variable(environment, worker_env::pool);
  if (pool.empty()) return text;
  text += ", worker " + escape_bytes(variable(environment, worker_env::worker), title_bytes) + " of pool \"" +
          escape_bytes(pool, title_bytes) + '"';
  return has_master(pid) ? text : text + ", whose master is gone: kill " + number;
}

// Prefers a master to its workers, which hold the same socket.
std::string describe_one_of(const std::vector<pid_t>& holders) {
  const auto first = std::find_if_not(holders.begin(), holders.end(), is_worker);
  return "held by " + describe_process(first != holders.end() ? *first : holders.front());
}

bool is_of_pool(pid_t pid, std::string_view pool) {
  return variable(read_all(folder_of(pid) + "environ"), worker_env::pool) == pool ||
         title(pid) == "preforkd: " + std::string(pool) + " master";
}

}  // namespace

AddressHolder find_holder(const Address& address, std::string_view pool) {
  using Kind = AddressHolder::Kind;
  const std::set<std::string> sockets = listening_sockets(address);
  if (sockets.empty()) return {};
  std::vector<pid_t> holders = holders_of(sockets);
  if (holders.empty()) return {Kind::unknown, {}};
  if (std::any_of(holders.begin(), holders.end(), [&](pid_t pid) { return is_of_pool(pid, pool); }))
    return {Kind::this_pool, {}};
  const std::string text = describe_one_of(holders);
  // systemd keeps the sockets of its units, in addition to the processes that got them.
  std::erase_if(holders, [](pid_t pid) { return read_all(folder_of(pid) + "comm") == "systemd\n"; });
  return holders.empty() ? AddressHolder{Kind::systemd, text} : AddressHolder{Kind::other, describe_one_of(holders)};
}

std::string describe_holder(const Address& address) {
  std::vector<pid_t> holders = holders_of(listening_sockets(address));
  // This process holds open_listener's new socket next to the path.
  if (address.is_unix_path()) std::erase(holders, ::getpid());
  if (holders.empty() || std::find(holders.begin(), holders.end(), ::getpid()) != holders.end()) return {};
  return describe_one_of(holders);
}

}  // namespace preforkd
