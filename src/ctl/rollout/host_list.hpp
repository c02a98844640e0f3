// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace preforkd::ctl {

// The hosts of --hosts, each [USER@]HOST[:PORT] for ssh: a list with commas, or, if `text` has a slash, the lines of
// the file at this path; '#' begins a comment. Throws ExitError (64) if there are none, one is not valid or is there
// twice, or the file cannot be read.
[[nodiscard]] std::vector<std::string> host_list(const std::string& text);

// "root@web" and "2222" of "root@web:2222"; without a port it is empty.
struct HostAddress {
  std::string host;
  std::string port;
};
[[nodiscard]] HostAddress host_address(const std::string& host);

}  // namespace preforkd::ctl
