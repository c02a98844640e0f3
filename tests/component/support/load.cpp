// SPDX-License-Identifier: MIT
#include "support/load.hpp"

#include "support/client.hpp"

namespace preforkd::component {
namespace {

constexpr unsigned requests_a_connection = 5;

}  // namespace

Load::Load(std::string address, unsigned clients) : address_(std::move(address)) {
  for (unsigned client = 0; client < clients; ++client) threads_.emplace_back([this, client] { run(client); });
}

Load::~Load() { stop(); }

void Load::wait_for_more(std::uint64_t requests, const Deadline& deadline) {
  std::unique_lock lock(mutex_);
  const std::uint64_t wanted = answered_ + requests;
  if (!answered_more_.wait_until(lock, deadline.at(), [&] { return answered_ >= wanted; })) {
    throw HarnessError("the pool answers no more; failures so far: " + std::to_string(failures_.size()) +
                       (failures_.empty() ? "" : ", the first: " + failures_.front()));
  }
}

std::vector<std::string> Load::stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  return failures_;
}

void Load::run(unsigned client) {
  for (unsigned connection = 0; !stopping_; ++connection) {
    try {
      talk(client, connection);
    } catch (const HarnessError& error) {
      const std::lock_guard lock(mutex_);
      failures_.emplace_back(error.what());
    }
  }
}

void Load::talk(unsigned client, unsigned connection) {
  Client socket(address_);
  for (unsigned i = 0; i < requests_a_connection && !stopping_; ++i) {
    const std::string line = std::to_string(client) + '.' + std::to_string(connection) + '.' + std::to_string(i);
    const std::string reply = socket.ask(line);
    if (!reply.ends_with(line)) throw HarnessError("asked " + line + ", got " + reply);
    const std::lock_guard lock(mutex_);
    ++answered_;
    answered_more_.notify_all();
  }
  // An orderly close would leave thousands of ports in TIME_WAIT.
  socket.reset();
}

}  // namespace preforkd::component
