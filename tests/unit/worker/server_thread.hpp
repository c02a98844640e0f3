// SPDX-License-Identifier: MIT
#pragma once

#include <prefork/server.hpp>

#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "unit/worker/test_client.hpp"

namespace prefork::test {

// Events on the server's thread, for a test to wait for.
class Record {
 public:
  void add(std::string event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_all();
  }
  // Waits until there are `count` events, and returns all. Throws after `patience`.
  std::vector<std::string> wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [&] { return events_.size() >= count; })) {
      std::string text = "waited for " + std::to_string(count) + " events, have:";
      for (const std::string& event : events_) text += " " + event;
      throw std::runtime_error(text);
    }
    return events_;
  }
  std::vector<std::string> now() { return wait(0); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> events_;
};

// Why connections end.
inline void record_closes(Server& server, Record& record) {
  server.on_close([&record](Connection&, CloseReason why) { record.add(std::string(to_string(why))); });
}

// A Server on its own thread, ready when the constructor returns. The destructor stops it.
class ServerThread {
 public:
  explicit ServerThread(std::function<void(Server&)> setup, const std::string& address = "127.0.0.1:0") {
    std::promise<std::string> ready;
    std::future<std::string> bound = ready.get_future();
    thread_ = std::thread([this, setup = std::move(setup), address, ready = std::move(ready)]() mutable {
      Server server;
      server.framing(Framing::lines()).listen(address);
      setup(server);
      {
        const std::lock_guard lock(mutex_);
        server_ = &server;
      }
      bool started = false;
      server.post([&] {
        started = true;
        ready.set_value(server.addresses().at(0));
      });
      status_ = server.run();
      if (!started) ready.set_value("");
      const std::lock_guard lock(mutex_);
      server_ = nullptr;
    });
    if (bound.wait_for(patience) != std::future_status::ready) throw std::runtime_error("the server does not start");
    address_ = bound.get();
  }
  ServerThread(const ServerThread&) = delete;
  ServerThread& operator=(const ServerThread&) = delete;
  ~ServerThread() { stop(); }

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] TestClient connect() const { return TestClient(address_); }

  void request_stop() {
    const std::lock_guard lock(mutex_);
    if (server_ != nullptr) server_->stop();
  }
  // Runs `call` on the server's thread.
  void post(std::function<void(Server&)> call) {
    const std::lock_guard lock(mutex_);
    if (server_ != nullptr) server_->post([server = server_, call = std::move(call)] { call(*server); });
  }
  // Stops it if it still runs, and returns run()'s value.
  int stop() {
    request_stop();
    return join();
  }
  // Waits for run() to return by itself.
  int join() {
    if (thread_.joinable()) thread_.join();
    return status_;
  }

 private:
  std::mutex mutex_;
  Server* server_ = nullptr;  // while it exists
  std::thread thread_;
  std::string address_;
  int status_ = -1;
};

}  // namespace prefork::test
