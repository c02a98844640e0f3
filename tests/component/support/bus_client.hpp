// SPDX-License-Identifier: MIT
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/deadline.hpp"

namespace preforkd::component {

// A client of a bus, on sd-bus. Throws HarnessError if the bus itself fails.
class BusClient {
 public:
  // With `uid` it connects as that user, which only root can do.
  explicit BusClient(const std::string& address, std::optional<std::uint32_t> uid = std::nullopt);

  struct Reply {
    std::string error;  // "org.preforkd1.Error.OutOfRange"; empty: success
    std::string text;   // the error's message
    std::shared_ptr<sd_bus_message> message;

    [[nodiscard]] bool ok() const { return error.empty(); }
  };
  // Calls a method of the object at `path` of org.preforkd1.NAME. `types` and the arguments are as in
  // sd_bus_message_append(3).
  template <class... Arguments>
  Reply call(const std::string& name, const std::string& path, const std::string& member, const char* types = "",
             Arguments... arguments) {
    const auto message = make_call(name, path, member);
    if (sd_bus_message_append(message.get(), types, arguments...) < 0) throw HarnessError("cannot append arguments");
    return send(message.get());
  }
  // Sends the same without waiting; drops the reply.
  void call_and_forget(const std::string& name, const std::string& path, const std::string& member);

  // A property as text: numbers in decimal, "true", strings unchanged.
  [[nodiscard]] std::string get(const std::string& name, const std::string& path, const std::string& interface,
                                const std::string& property);
  [[nodiscard]] bool has_owner(const std::string& name);

  // Collects signals of org.preforkd1.* and of its objects from now on: "WorkerReady 0 1234 1", "InterfacesAdded
  // /org/preforkd1/worker/3", "PropertiesChanged /org/preforkd1 State ReadyWorkers".
  void listen();
  // Waits for a signal that contains `part`, after those that earlier waits have passed over; returns it.
  std::string wait_signal(const std::string& part);
  [[nodiscard]] const std::vector<std::string>& signals() const noexcept { return signals_; }

  [[nodiscard]] sd_bus* native() const noexcept { return bus_.get(); }
  // Reads what has arrived; waits for it until the deadline.
  void process(const Deadline& deadline);

 private:
  std::shared_ptr<sd_bus_message> make_call(const std::string& name, const std::string& path,
                                            const std::string& member);
  Reply send(sd_bus_message* call);
  void take_signal(sd_bus_message* message);

  std::shared_ptr<sd_bus> bus_;
  std::vector<std::string> signals_;
  std::size_t seen_ = 0;
};

}  // namespace preforkd::component
