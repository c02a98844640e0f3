// SPDX-License-Identifier: MIT
#include "ctl/rollout/host_list.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string_view>

#include "base/errors.hpp"
#include "base/escape.hpp"
#include "base/whole_number.hpp"

namespace preforkd::ctl {
namespace {

// Does not begin with '-', which ssh would take for an option, and has no character that a shell knows.
bool is_word(std::string_view text) {
  constexpr std::string_view known = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  return !text.empty() && text.front() != '-' && text.find_first_not_of(known) == std::string_view::npos;
}

bool is_port(const std::string& text) {
  const auto port = whole_number<std::uint16_t>(text);
  return port && *port > 0;
}

bool is_host(const std::string& text) {
  const HostAddress address = host_address(text);
  if (text.find(':') != std::string::npos && !is_port(address.port)) return false;
  const std::string_view host = address.host;
  const std::size_t at = host.find('@');
  return at == std::string_view::npos ? is_word(host) : is_word(host.substr(0, at)) && is_word(host.substr(at + 1));
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin);
}

std::vector<std::string> split(std::istream& from, char end) {
  std::vector<std::string> parts;
  for (std::string part; std::getline(from, part, end);) {
    part = trimmed(end == '\n' ? part.substr(0, part.find('#')) : part);
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

[[noreturn]] void reject_hosts(const std::string& reason) { throw ExitError(exit_code::usage, "--hosts: " + reason); }

}  // namespace

HostAddress host_address(const std::string& host) {
  const std::size_t colon = host.find(':');
  if (colon == std::string::npos) return {host, ""};
  return {host.substr(0, colon), host.substr(colon + 1)};
}

std::vector<std::string> host_list(const std::string& text) {
  std::vector<std::string> hosts;
  if (text.find('/') != std::string::npos) {
    std::ifstream file(text);
    if (!file) reject_hosts(in_quotes(text) + ": cannot read it: " + errno_text(errno));
    hosts = split(file, '\n');
  } else {
    std::istringstream list(text);
    hosts = split(list, ',');
  }
  if (hosts.empty()) reject_hosts(in_quotes(text) + ": names no host");
  for (auto host = hosts.begin(); host != hosts.end(); ++host) {
    if (!is_host(*host)) reject_hosts(in_quotes(*host) + ": is not [USER@]HOST[:PORT]");
    if (std::find(hosts.begin(), host, *host) != host) reject_hosts(in_quotes(*host) + ": is there twice");
  }
  return hosts;
}

}  // namespace preforkd::ctl
