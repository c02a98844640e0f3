// SPDX-License-Identifier: MIT
#include "base/address_holder.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <optional>
#include <set>
#include <sstream>
#include <vector>

#include "base/address_overlap.hpp"
#include "base/bound_path.hpp"
#include "base/escape.hpp"
#include "base/process_facts.hpp"
#include "base/worker_variables.hpp"

namespace preforkd {
namespace {

constexpr std::size_t title_bytes = 60;

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
  std::istringstream lines(read_kernel_file("/proc/net/" + table));
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

bool holds(pid_t pid, const std::set<std::string>& sockets, std::clock_t limit) {
  bool found = false;
  for_each_descriptor(pid, [&](std::string_view target) {
    found = sockets.contains(std::string(target));
    return !found && std::clock() <= limit;
  });
  return found;
}

// The master calls this and must not be blocked for long: on a machine with a million descriptors it gives up.
constexpr std::clock_t patience = CLOCKS_PER_SEC / 4;  // of processor time

std::vector<pid_t> holders_of(const std::set<std::string>& sockets) {
  std::vector<pid_t> holders;
  if (sockets.empty()) return holders;
  const std::clock_t limit = std::clock() + patience;
  for_each_process([&](pid_t pid) {
    if (holds(pid, sockets, limit)) holders.push_back(pid);
    return std::clock() <= limit;
  });
  return holders;
}

bool is_worker(pid_t pid) { return !environment_variable(pid, worker_env::pool).empty(); }

// The master is its parent, or with a start script a further ancestor.
bool has_master(pid_t worker) {
  for (pid_t pid = worker; pid > 1;) {
    const std::optional<long> parent = process_status_number(pid, "PPid");
    if (!parent) return true;
    pid = static_cast<pid_t>(*parent);
    if (program_name(pid) == "preforkd") return true;
  }
  return false;
}

std::string describe_process(pid_t pid) {
  const std::string number = std::to_string(pid);
  std::string text = '"' + escape_bytes(command_line(pid), title_bytes) + "\" (pid " + number + ')';
  const std::string pool = environment_variable(pid, worker_env::pool);
  if (pool.empty()) return text;
  text += ", worker " + escape_bytes(environment_variable(pid, worker_env::worker), title_bytes) + " of pool \"" +
          escape_bytes(pool, title_bytes) + '"';
  return has_master(pid) ? text : text + ", whose master is gone: kill " + number;
}

// Prefers a master to its workers, which hold the same socket.
std::string describe_one_of(const std::vector<pid_t>& holders) {
  const auto first = std::find_if_not(holders.begin(), holders.end(), is_worker);
  return "held by " + describe_process(first != holders.end() ? *first : holders.front());
}

bool is_of_pool(pid_t pid, std::string_view pool) {
  return environment_variable(pid, worker_env::pool) == pool ||
         command_line(pid) == "preforkd: " + std::string(pool) + " master";
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
  std::erase_if(holders, [](pid_t pid) { return program_name(pid) == "systemd"; });
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
