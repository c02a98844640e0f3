// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string_view>

#include <prefork/close_reason.hpp>
#include <prefork/connection.hpp>
#include <prefork/export.hpp>
#include <prefork/framing.hpp>
#include <prefork/limits.hpp>

namespace prefork {

namespace internal {
struct ServiceSetup;
}

inline namespace v0 {

// What the clients of some listening sockets get: the setters of Server of the same name, for these sockets only. A
// handle of Server::service(), valid as long as the server. Call all setters before run(): during it they throw
// std::logic_error.
class PREFORK_EXPORT Service {
 public:
  Service& framing(const Framing& framing);
  // Sets max_connections of this service, and the limits of each of its connections. The limits per peer,
  // max_input_memory, first_message_grace and what begins with drain_ are limits of the worker: set them with
  // Server::limits(). An object with the service's name in "settings" of the pool's config overrides the others:
  // "settings": {"admin": {"max_connections": 4}}.
  Service& limits(const Limits& limits);
  Service& listen(std::string_view address);

  Service& on_connect(std::function<void(Connection&)> callback);
  Service& on_message(std::function<void(Connection&, std::string_view message)> callback);
  Service& on_close(std::function<void(Connection&, CloseReason)> callback);
  Service& on_writable(std::function<void(Connection&)> callback);
  Service& on_half_close(std::function<void(Connection&)> callback);
  Service& on_adopt(std::function<void(Connection&, std::string_view state)> callback);
  Service& on_adopt(std::function<void(Connection&, std::string_view state, unsigned version)> callback);

 private:
  friend class Server;
  explicit Service(internal::ServiceSetup& setup) noexcept : setup_(&setup) {}
  [[nodiscard]] internal::ServiceSetup& before_run(const char* function);
  internal::ServiceSetup* setup_;
};

}  // namespace v0
}  // namespace prefork
