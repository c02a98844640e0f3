// SPDX-License-Identifier: MIT
#include "support/fake_polkit.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>

namespace preforkd::component {

FakePolkit::FakePolkit(const std::string& address) : bus_(address), stop_(eventfd(0, EFD_CLOEXEC)) {
  const auto handler = [](sd_bus_message* message, void* self, sd_bus_error*) {
    return static_cast<FakePolkit*>(self)->on_call(message);
  };
  if (sd_bus_add_object(bus_.native(), nullptr, "/org/freedesktop/PolicyKit1/Authority", handler, this) < 0 ||
      sd_bus_request_name(bus_.native(), "org.freedesktop.PolicyKit1", 0) < 0)
    throw HarnessError("cannot play polkit");
  thread_ = std::thread([this] { serve(); });
}

FakePolkit::~FakePolkit() {
  static_cast<void>(eventfd_write(stop_.get(), 1));
  thread_.join();
}

void FakePolkit::set(const std::string& action, Answer answer) {
  const std::lock_guard lock(mutex_);
  answers_[action] = answer;
}

std::vector<FakePolkit::Question> FakePolkit::questions() const {
  const std::lock_guard lock(mutex_);
  return questions_;
}

int FakePolkit::on_call(sd_bus_message* call) {
  if (sd_bus_message_is_method_call(call, "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization") <= 0) return 0;
  const char* kind = nullptr;
  const char* key = nullptr;
  const char* sender = nullptr;
  const char* action = nullptr;
  if (sd_bus_message_read(call, "(sa{sv})s", &kind, 1, &key, "s", &sender, &action) < 0) return -EINVAL;
  Question question{sender, action, {}, false};
  sd_bus_message_enter_container(call, 'a', "{ss}");
  const char* value = nullptr;
  while (sd_bus_message_read(call, "{ss}", &key, &value) > 0) question.details[key] = value;
  sd_bus_message_exit_container(call);
  std::uint32_t flags = 0;
  sd_bus_message_read(call, "us", &flags, &value);
  question.interactive = (flags & 1U) != 0;
  const std::lock_guard lock(mutex_);
  questions_.push_back(question);
  const auto answer = answers_.find(action);
  if (answer == answers_.end() || answer->second == Answer::none) return 1;
  if (answer->second == Answer::mistrust) {
    return sd_bus_reply_method_errorf(call, "org.freedesktop.PolicyKit1.Error.NotAuthorized", "Only trusted callers");
  }
  return sd_bus_reply_method_return(call, "(bba{ss})", answer->second == Answer::yes ? 1 : 0,
                                    answer->second == Answer::challenge ? 1 : 0, 0);
}

void FakePolkit::serve() {
  for (;;) {
    while (sd_bus_process(bus_.native(), nullptr) > 0) continue;
    std::array<pollfd, 2> waiting{{{sd_bus_get_fd(bus_.native()), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    if (poll(waiting.data(), waiting.size(), -1) < 0 || waiting[1].revents != 0) return;
  }
}

}  // namespace preforkd::component
