// SPDX-License-Identifier: MIT
#pragma once

#include <sys/socket.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace preforkd::client {

// One socket address to connect to.
struct Endpoint {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] int family() const noexcept { return storage.ss_family; }
};

// A name that stands for no address; what() is the resolver's reason.
struct ResolveFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// "127.0.0.1:9505", "[::1]:9505", "localhost:9505", "/run/x.sock" or "@abstract". A name may stand for several
// addresses, in the order in which they should be tried; there is always at least one. Throws std::invalid_argument for
// another form and ResolveFailed.
[[nodiscard]] std::vector<Endpoint> resolve(std::string_view address);

}  // namespace preforkd::client
