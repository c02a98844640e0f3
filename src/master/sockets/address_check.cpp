// SPDX-License-Identifier: MIT
#include "master/sockets/address_check.hpp"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/address_holder.hpp"
#include "base/bound_path.hpp"
#include "base/errors.hpp"
#include "base/escape.hpp"
#include "base/listener.hpp"

namespace preforkd {
namespace {

class AddressCheck {
 public:
  AddressCheck(const PoolConfig& config, bool by_systemd) : config_(config), by_systemd_(by_systemd) {}

  AddressFindings run() {
    for (const ListenConfig& listen : config_.listen) {
      if (listen.address.is_unix_path()) {
        look_at_path(listen);
      } else {
        look_at(listen);
      }
    }
    return findings_;
  }

 private:
  void problem(const ListenConfig& listen, const std::string& reason) {
    findings_.problems.push_back("cannot listen: " + escape_bytes(listen.text) + ": " + reason);
  }
  void doubt(const ListenConfig& listen, const std::string& reason) {
    findings_.doubts.push_back("may not be able to listen: " + escape_bytes(listen.text) + ": " + reason);
  }

  void look_at(const ListenConfig& listen) {
    const Result<void> bound = try_to_bind(listen.address, listen.options.ipv6_only);
    if (bound) return;
    const int error = bound.error().number;
    if (error == EADDRINUSE) return look_at_holder(listen, find_holder(listen.address, config_.name));
    if (error == EACCES && by_systemd_) return;
    const std::uint16_t port = listen.address.port().value_or(0);
    if (error == EACCES && port > 0 && port < 1024) {
      return doubt(listen, bound.error().text +
                               ": only root, or a process with CAP_NET_BIND_SERVICE, binds a port below "
                               "net.ipv4.ip_unprivileged_port_start (1024); a socket unit of systemd can bind it");
    }
    doubt(listen, bound.error().text);
  }

  // Binding it would create the path, and connecting to it would disturb its server.
  void look_at_path(const ListenConfig& listen) {
    const std::string path = listen.address.unix_name();
    if (access(path.c_str(), F_OK) == 0) {
      if (const Result<BoundPath> socket = BoundPath::at(path); !socket) return problem(listen, socket.error().text);
      const AddressHolder holder = find_holder(listen.address, config_.name);
      if (holder.kind != AddressHolder::Kind::none) return look_at_holder(listen, holder);
    }
    const std::string folder = std::filesystem::path(path).parent_path();
    if (!by_systemd_ && access(folder.c_str(), W_OK | X_OK) != 0)
      doubt(listen, escape_bytes(folder) + ": " + errno_text(errno));
  }

  void look_at_holder(const ListenConfig& listen, const AddressHolder& holder) {
    const std::string in_use = errno_text(EADDRINUSE);
    switch (holder.kind) {
      case AddressHolder::Kind::this_pool:
        return;
      case AddressHolder::Kind::other:
        return problem(listen, in_use + ": " + holder.text);
      case AddressHolder::Kind::systemd:
        if (!by_systemd_) doubt(listen, in_use + ": " + holder.text);
        return;
      case AddressHolder::Kind::none:
      case AddressHolder::Kind::unknown:
        // A caller that sees only the descriptors of its own user cannot tell a pool from another process.
        return doubt(listen,
                     in_use + (geteuid() == 0 ? ", by a process that is not visible from here"
                                              : ", by this pool or another process (run as root to see which)"));
    }
  }

  const PoolConfig& config_;
  const bool by_systemd_;
  AddressFindings findings_;
};

}  // namespace

AddressFindings check_addresses(const PoolConfig& config, bool by_systemd) {
  return AddressCheck(config, by_systemd).run();
}

}  // namespace preforkd
