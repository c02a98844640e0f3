// SPDX-License-Identifier: MIT
#include "torture/load.hpp"

#include <poll.h>

#include <charconv>
#include <optional>
#include <stdexcept>
#include <utility>

#include "support/client.hpp"
#include "support/deadline.hpp"

namespace preforkd::torture {
namespace {

using component::Client;
using component::ClientError;

struct WrongReply : std::runtime_error {
  using std::runtime_error::runtime_error;
};

Loss loss_of(ClientError::Kind kind) {
  switch (kind) {
    case ClientError::Kind::no_connection:
      return Loss::no_connection;
    case ClientError::Kind::reset:
      return Loss::reset;
    case ClientError::Kind::closed:
      return Loss::closed;
    case ClientError::Kind::timed_out:
      break;
  }
  return Loss::timed_out;
}

// The process that answered. Throws WrongReply.
pid_t check(std::string_view reply, std::string_view line, pid_t answered_before) {
  const std::size_t blank = reply.find(' ');
  const std::size_t colon = reply.find(": ");
  pid_t pid = 0;
  if (blank != std::string_view::npos && colon != std::string_view::npos && blank < colon) {
    std::from_chars(reply.data() + blank + 1, reply.data() + colon, pid);
  }
  const bool right = pid > 0 && reply.substr(colon + 2) == line && (answered_before == 0 || pid == answered_before);
  if (!right) throw WrongReply("asked \"" + std::string(line) + "\", got \"" + std::string(reply) + '"');
  return pid;
}

}  // namespace

Load::Load(std::string address, const std::vector<Habit>& habits, bool moves, Ledger& ledger)
    : address_(std::move(address)), moves_(moves), ledger_(ledger) {
  unsigned client = 0;
  for (const Habit& habit : habits) {
    for (unsigned i = 0; i < habit.connections; ++i, ++client) {
      clients_.emplace_back([this, habit, client] { run(habit, client); });
    }
  }
}

void Load::stop() {
  stopping_ = true;
  for (std::thread& client : clients_) client.join();
  clients_.clear();
}

void Load::run(const Habit& habit, unsigned client) {
  for (std::uint64_t connection = 0; !stopping_; ++connection) talk(habit, client, connection);
}

void Load::talk(const Habit& habit, unsigned client, std::uint64_t connection) {
  Failure failure;
  failure.load = habit.name;
  failure.began = Clock::now();
  failure.requests = habit.depth;
  try {
    Client socket(address_);
    for (unsigned asked = 0; asked < habit.requests && !stopping_; asked += habit.depth) {
      std::vector<std::string> lines;
      std::string bytes;
      for (unsigned i = 0; i < habit.depth; ++i) {
        lines.push_back(std::to_string(client) + '.' + std::to_string(connection) + '.' + std::to_string(asked + i));
        bytes += lines.back() + '\n';
      }
      failure.requests = habit.depth;
      const Clock::time_point asked_at = Clock::now();
      socket.send(bytes);
      for (const std::string& line : lines) {
        failure.worker = check(socket.read_line(), line, moves_ ? 0 : failure.worker);
        --failure.requests;
        ledger_.note_answers(1);
        // From now on another worker may have it. But this one may be killed when the reply is here, before it has put
        // the connection down, and this thread may read the reply much later.
        if (moves_) failure.began = asked_at;
      }
      if (moves_) failure.worker = 0;
      if (!rest(habit, socket.fd(), asked_at)) return;
    }
    socket.reset();  // an orderly close would leave thousands of ports in TIME_WAIT
    return;
  } catch (const ClientError& error) {
    failure.kind = loss_of(error.kind());
    failure.text = error.what();
  } catch (const WrongReply& error) {
    failure.kind = Loss::wrong_reply;
    failure.text = error.what();
  }
  failure.ended = Clock::now();
  ledger_.note_failure(std::move(failure));
}

bool Load::rest(const Habit& habit, int fd, Clock::time_point asked_at) {
  if (habit.rest.count() == 0) return true;
  if (!component::wait_ready(fd, POLLIN, habit.rest)) return true;
  ledger_.note_closed_at_rest(asked_at, Clock::now());
  return false;
}

}  // namespace preforkd::torture
