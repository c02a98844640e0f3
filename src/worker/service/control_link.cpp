// SPDX-License-Identifier: MIT
#include "worker/service/control_link.hpp"

#include <fcntl.h>
#include <sys/prctl.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <variant>

#include "base/errors.hpp"
#include "wire/packet.hpp"
#include "wire/worker_env.hpp"
#include "worker/base/log.hpp"

namespace prefork::internal {

namespace {

namespace control = preforkd::control;

// In one call: a master that floods must not keep this worker from its clients. More than a socket holds, so that a
// drain knows all that the master has said before its signal.
constexpr int max_messages = 512;

[[noreturn]] void fail(int error) {
  throw preforkd::ExitError(
      preforkd::exit_code::os_error,
      std::string("cannot start: ") + preforkd::worker_env::control_fd + ": " + preforkd::errno_text(error));
}

}  // namespace

ControlLink::ControlLink(EventLoop& loop, preforkd::UniqueFd control_fd, MasterObserver& observer)
    : loop_(loop), fd_(std::move(control_fd)), observer_(observer) {
  const int status_flags = ::fcntl(fd_.get(), F_GETFL);
  if (status_flags < 0 || ::fcntl(fd_.get(), F_SETFL, status_flags | O_NONBLOCK) != 0) fail(errno);
  if (::fcntl(fd_.get(), F_SETFD, FD_CLOEXEC) != 0) fail(errno);
  if (const int error = loop_.add(fd_.get(), EPOLLIN, *this); error != 0) fail(error);
  ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

ControlLink::~ControlLink() { loop_.remove(fd_.get(), *this); }

void ControlLink::on_events(std::uint32_t) { read(); }

void ControlLink::read() {
  std::array<char, control::max_message_bytes> buffer{};
  preforkd::Packet packet;
  for (int i = 0; i < max_messages && !ended_; ++i) {
    const preforkd::PacketReceived received = preforkd::receive_packet(fd_.get(), buffer, packet);
    if (received == preforkd::PacketReceived::nothing) return;
    if (received == preforkd::PacketReceived::ended) {
      ended_ = true;
      loop_.remove(fd_.get(), *this);
      return observer_.on_master_gone();
    }
    const auto message = control::decode(packet.bytes);
    if (!message) continue;  // of a newer master
    if (const auto* const give = std::get_if<control::Give>(&*message)) {
      if (packet.fd) observer_.on_give(*give, std::move(packet.fd));
    } else if (std::holds_alternative<control::Take>(*message)) {
      if (packet.fd) observer_.on_take(std::move(packet.fd));
    } else if (std::holds_alternative<control::NoTaker>(*message)) {
      observer_.on_no_taker();
    } else if (const auto* const report = std::get_if<control::ReportBusy>(&*message)) {
      observer_.on_report_busy(*report);
    } else if (const auto* const other = std::get_if<control::Meet>(&*message)) {
      if (packet.fd) {
        observer_.on_meet(*other, std::move(packet.fd));
      } else {
        log_line(LogLevel::warning, {"exchanges no messages with worker ", std::to_string(other->slot), " (pid ",
                                     std::to_string(other->pid), "): no descriptor was free for its socket"});
      }
    }
  }
}

void ControlLink::send(const control::Message& message) noexcept {
  static_cast<void>(preforkd::send_packet(fd_.get(), {control::encode(message).view()}));
}

}  // namespace prefork::internal
