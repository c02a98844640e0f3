// SPDX-License-Identifier: MIT
#include "support/bus_client.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <map>

namespace preforkd::component {
namespace {

int check(int result, const std::string& what) {
  if (result < 0) throw HarnessError(what + ": " + std::strerror(-result));
  return result;
}

// Sets the user that the kernel reports to a peer at connect(2), for this thread only.
class Effectively {
 public:
  explicit Effectively(std::optional<std::uint32_t> uid) : changed_(uid.has_value()) {
    if (changed_ && syscall(SYS_setresuid, -1, *uid, -1) != 0) throw HarnessError("cannot become another user");
  }
  ~Effectively() {
    if (changed_) syscall(SYS_setresuid, -1, 0, -1);
  }
  Effectively(const Effectively&) = delete;
  Effectively& operator=(const Effectively&) = delete;

 private:
  bool changed_;
};

std::string interface_of(const std::string& member) {
  static const std::map<std::string, std::string> others{{"GetManagedObjects", "org.freedesktop.DBus.ObjectManager"},
                                                         {"Introspect", "org.freedesktop.DBus.Introspectable"},
                                                         {"GetAll", "org.freedesktop.DBus.Properties"},
                                                         {"Set", "org.freedesktop.DBus.Properties"},
                                                         {"Kill", "org.preforkd1.Worker"},
                                                         {"Recycle", "org.preforkd1.Worker"}};
  const auto found = others.find(member);
  return found == others.end() ? "org.preforkd1.Pool" : found->second;
}

// The next value in the message.
std::string next_value(sd_bus_message* message) {
  char type = 0;
  const char* contents = nullptr;
  if (sd_bus_message_peek_type(message, &type, &contents) <= 0) return "";
  switch (type) {
    case 's':
    case 'o': {
      const char* text = nullptr;
      sd_bus_message_read_basic(message, type, &text);
      return text;
    }
    case 'u': {
      std::uint32_t value = 0;
      sd_bus_message_read_basic(message, type, &value);
      return std::to_string(value);
    }
    case 'i': {
      std::int32_t value = 0;
      sd_bus_message_read_basic(message, type, &value);
      return std::to_string(value);
    }
    case 't': {
      std::uint64_t value = 0;
      sd_bus_message_read_basic(message, type, &value);
      return std::to_string(value);
    }
    case 'b': {
      int value = 0;
      sd_bus_message_read_basic(message, type, &value);
      return value != 0 ? "true" : "false";
    }
    default: {
      std::string values;
      sd_bus_message_enter_container(message, type, contents);
      while (sd_bus_message_at_end(message, 0) == 0) values += (values.empty() ? "" : " ") + next_value(message);
      sd_bus_message_exit_container(message);
      return values;
    }
  }
}

// The names of the changed properties.
std::string changed_names(sd_bus_message* message) {
  std::string names;
  sd_bus_message_skip(message, "s");
  sd_bus_message_enter_container(message, 'a', "{sv}");
  while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
    names += " " + next_value(message);
    sd_bus_message_skip(message, "v");
    sd_bus_message_exit_container(message);
  }
  return names;
}

}  // namespace

BusClient::BusClient(const std::string& address, std::optional<std::uint32_t> uid) {
  const Effectively user(uid);
  sd_bus* bus = nullptr;
  check(sd_bus_new(&bus), "sd_bus_new");
  bus_.reset(bus, sd_bus_flush_close_unref);
  check(sd_bus_set_address(bus, address.c_str()), "sd_bus_set_address");
  check(sd_bus_set_bus_client(bus, 1), "sd_bus_set_bus_client");
  check(sd_bus_start(bus), "cannot connect to " + address);
  const char* name = nullptr;
  check(sd_bus_get_unique_name(bus, &name), "no answer from " + address);
}

std::shared_ptr<sd_bus_message> BusClient::make_call(const std::string& name, const std::string& path,
                                                     const std::string& member) {
  sd_bus_message* message = nullptr;
  check(sd_bus_message_new_method_call(bus_.get(), &message, name.c_str(), path.c_str(), interface_of(member).c_str(),
                                       member.c_str()),
        member);
  return {message, sd_bus_message_unref};
}

BusClient::Reply BusClient::send(sd_bus_message* call) {
  sd_bus_error error{};
  sd_bus_message* message = nullptr;
  const auto usec = std::chrono::duration_cast<std::chrono::microseconds>(patience).count();
  const int result = sd_bus_call(bus_.get(), call, static_cast<std::uint64_t>(usec), &error, &message);
  Reply reply;
  reply.message.reset(message, sd_bus_message_unref);
  if (sd_bus_error_is_set(&error) > 0) {
    reply.error = error.name;
    reply.text = error.message != nullptr ? error.message : "";
  }
  sd_bus_error_free(&error);
  if (reply.ok()) check(result, "call");
  return reply;
}

void BusClient::call_and_forget(const std::string& name, const std::string& path, const std::string& member) {
  const auto message = make_call(name, path, member);
  check(sd_bus_send(bus_.get(), message.get(), nullptr), member);
  check(sd_bus_flush(bus_.get()), "sd_bus_flush");
}

std::string BusClient::get(const std::string& name, const std::string& path, const std::string& interface,
                           const std::string& property) {
  sd_bus_error error{};
  sd_bus_message* message = nullptr;
  const int result = sd_bus_call_method(bus_.get(), name.c_str(), path.c_str(), "org.freedesktop.DBus.Properties",
                                        "Get", &error, &message, "ss", interface.c_str(), property.c_str());
  const std::shared_ptr<sd_bus_message> reply(message, sd_bus_message_unref);
  const std::string text = error.message != nullptr ? error.message : "";
  sd_bus_error_free(&error);
  if (result < 0) throw HarnessError(path + " " + property + ": " + text);
  return next_value(message);
}

bool BusClient::has_owner(const std::string& name) {
  sd_bus_message* message = nullptr;
  check(sd_bus_call_method(bus_.get(), "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                           "NameHasOwner", nullptr, &message, "s", name.c_str()),
        "NameHasOwner");
  const std::shared_ptr<sd_bus_message> reply(message, sd_bus_message_unref);
  return next_value(message) == "true";
}

void BusClient::listen() {
  const auto handler = [](sd_bus_message* message, void* self, sd_bus_error*) {
    static_cast<BusClient*>(self)->take_signal(message);
    return 0;
  };
  check(sd_bus_add_match(bus_.get(), nullptr, "type='signal',path_namespace='/org/preforkd1'", handler, this),
        "sd_bus_add_match");
}

void BusClient::take_signal(sd_bus_message* message) {
  std::string line = sd_bus_message_get_member(message);
  if (line == "PropertiesChanged") {
    line += std::string(" ") + sd_bus_message_get_path(message) + changed_names(message);
  } else if (line.starts_with("Interfaces")) {
    line += " " + next_value(message);
  } else {
    while (sd_bus_message_at_end(message, 1) == 0) line += " " + next_value(message);
  }
  signals_.push_back(std::move(line));
}

std::string BusClient::wait_signal(const std::string& part) {
  const Deadline deadline;
  for (;;) {
    for (; seen_ < signals_.size(); ++seen_) {
      if (signals_[seen_].find(part) != std::string::npos) return signals_[seen_++];
    }
    if (deadline.passed()) {
      std::string all;
      for (const std::string& line : signals_) all += line + "\n";
      throw HarnessError("no signal with \"" + part + "\" in:\n" + all);
    }
    process(deadline);
  }
}

void BusClient::process(const Deadline& deadline) {
  if (check(sd_bus_process(bus_.get(), nullptr), "sd_bus_process") > 0) return;
  static_cast<void>(wait_ready(sd_bus_get_fd(bus_.get()), POLLIN, deadline));
}

}  // namespace preforkd::component
