// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/bound_path.hpp"
#include "base/unique_fd.hpp"
#include "wire/worker_env.hpp"

namespace prefork::internal {

// A listening socket that this worker serves: CLOEXEC, non-blocking, TCP_NODELAY if it is TCP (accepted sockets inherit
// it, which saves a system call for each of them).
struct ListenSocket {
  preforkd::UniqueFd fd;
  preforkd::Address address;
  std::string name;  // LISTEN_FDNAMES, or of the service that listens
  bool is_tcp = false;
  preforkd::BoundPath path;  // of our own socket; to be removed with it
};

// Takes over every descriptor that the environment names. Throws ExitError (unavailable) that names the first one that
// is not a listening stream socket, for instance the connected socket of a unit with Accept=yes.
[[nodiscard]] std::vector<ListenSocket> take_inherited_sockets(const preforkd::worker_env::Given& given);

// Binds the addresses that listen() has given to a service of this name. Throws ExitError: usage for an invalid
// address, else unavailable.
[[nodiscard]] std::vector<ListenSocket> open_own_sockets(const std::vector<std::string>& addresses,
                                                         const std::string& name);

}  // namespace prefork::internal
