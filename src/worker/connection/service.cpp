// SPDX-License-Identifier: MIT
#include <prefork/service.hpp>

#include <stdexcept>
#include <string>
#include <utility>

#include "worker/connection/service.hpp"

namespace prefork {
inline namespace v0 {

internal::ServiceSetup& Service::before_run(const char* function) {
  if (setup_->in_use) throw std::logic_error(std::string("Service::") + function + "() was called during run()");
  return *setup_;
}

Service& Service::framing(const Framing& framing) {
  before_run("framing").framing = framing;
  return *this;
}

Service& Service::limits(const Limits& limits) {
  before_run("limits").limits = limits;
  return *this;
}

Service& Service::listen(std::string_view address) {
  before_run("listen").addresses.emplace_back(address);
  return *this;
}

Service& Service::on_connect(std::function<void(Connection&)> callback) {
  before_run("on_connect").handlers.on_connect = std::move(callback);
  return *this;
}

Service& Service::on_message(std::function<void(Connection&, std::string_view)> callback) {
  before_run("on_message").handlers.on_message = std::move(callback);
  return *this;
}

Service& Service::on_close(std::function<void(Connection&, CloseReason)> callback) {
  before_run("on_close").handlers.on_close = std::move(callback);
  return *this;
}

Service& Service::on_writable(std::function<void(Connection&)> callback) {
  before_run("on_writable").handlers.on_writable = std::move(callback);
  return *this;
}

Service& Service::on_half_close(std::function<void(Connection&)> callback) {
  before_run("on_half_close").handlers.on_half_close = std::move(callback);
  return *this;
}

Service& Service::on_adopt(std::function<void(Connection&, std::string_view)> callback) {
  if (!callback) return on_adopt(std::function<void(Connection&, std::string_view, unsigned)>());
  return on_adopt([callback = std::move(callback)](Connection& connection, std::string_view state, unsigned) {
    callback(connection, state);
  });
}

Service& Service::on_adopt(std::function<void(Connection&, std::string_view, unsigned)> callback) {
  before_run("on_adopt").handlers.on_adopt = std::move(callback);
  return *this;
}

}  // namespace v0
}  // namespace prefork
