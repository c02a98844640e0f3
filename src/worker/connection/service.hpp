// SPDX-License-Identifier: MIT
#pragma once

#include <prefork/close_reason.hpp>
#include <prefork/connection.hpp>
#include <prefork/framing.hpp>
#include <prefork/limits.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/connection/framer.hpp"
#include "worker/connection/limit_values.hpp"

namespace prefork::internal {

// The application's callbacks for connections. Empty ones are not called.
struct Handlers {
  std::function<void(Connection&)> on_connect;
  std::function<void(Connection&, std::string_view)> on_message;
  std::function<void(Connection&, CloseReason)> on_close;
  std::function<void(Connection&)> on_writable;
  std::function<void(Connection&)> on_half_close;
  std::function<void(Connection&, std::string_view state, unsigned version)> on_adopt;
};

// What a program has said of a service before run().
struct ServiceSetup {
  std::string name;  // of its sockets in LISTEN_FDNAMES; empty: of all that no other service has
  Handlers handlers;
  Framing framing = Framing::raw();
  Limits limits;
  std::vector<std::string> addresses;  // of listen()
  bool in_use = false;                 // run() runs
};

// One service of a run: what its connections have in common.
struct ActiveService {
  ActiveService(const ServiceSetup& setup, const LimitValues& limit_values)
      : name(setup.name),
        handlers(setup.handlers),
        framer(setup.framing, limit_values.max_message),
        limits(limit_values) {}

  const std::string& name;
  const Handlers& handlers;
  const Framer framer;
  const LimitValues limits;
  std::size_t connections = 0;  // open, or closed with on_close still to run

  [[nodiscard]] bool full() const noexcept { return connections >= limits.max_connections; }
};

// Where a connection came in.
struct Entrance {
  ActiveService& service;
  std::string listener;  // LISTEN_FDNAMES
  bool is_tcp = false;
  std::uint16_t index = 0;  // among the entrances of this worker
  ProxyProtocol proxy = ProxyProtocol::off;
};

}  // namespace prefork::internal
