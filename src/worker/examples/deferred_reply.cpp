// SPDX-License-Identifier: MIT
// Long work runs on its own thread, while the event loop serves other clients. Each line is a number; the reply is the
// sum of the numbers up to it.
//   ./example_deferred_reply 127.0.0.1:9505
#include <prefork/server.hpp>

#include <charconv>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace {

// One thread that runs one job after another. The destructor waits until all jobs are done.
class Calculator {
 public:
  Calculator() : thread_([this] { work(); }) {}
  ~Calculator() {
    add({});
    thread_.join();
  }
  Calculator(const Calculator&) = delete;
  Calculator& operator=(const Calculator&) = delete;

  void add(std::function<void()> job) {
    const std::lock_guard<std::mutex> lock(mutex_);
    jobs_.push_back(std::move(job));
    more_.notify_one();
  }

 private:
  void work() {
    for (;;) {
      std::unique_lock<std::mutex> lock(mutex_);
      more_.wait(lock, [this] { return !jobs_.empty(); });
      const std::function<void()> job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      if (!job) return;
      job();
    }
  }

  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::function<void()>> jobs_;
  std::thread thread_;
};

std::string sum_up_to(unsigned long long last) {
  unsigned long long sum = 0;
  for (unsigned long long i = 1; i <= last; ++i) sum += i;
  return std::to_string(sum);
}

}  // namespace

int main(int argc, char** argv) {
  prefork::Server server;
  server.framing(prefork::Framing::lines());
  for (int i = 1; i < argc; ++i) server.listen(argv[i]);

  std::optional<Calculator> calculator;
  server.on_worker_start([&] { calculator.emplace(); });
  server.on_worker_stop([&] { calculator.reset(); });

  server.on_message([&](prefork::Connection& c, std::string_view line) {
    unsigned long long last = 0;
    const auto parsed = std::from_chars(line.data(), line.data() + line.size(), last);
    if (parsed.ec != std::errc() || parsed.ptr != line.data() + line.size() || last > 1000000) {
      return c.send("error: write a number up to 1000000");
    }
    // Until the reply is sent, this connection delivers no further message, so replies keep their order. A draining
    // worker waits for it. A reply may be sent on any thread. (std::function copies what it holds, hence the pointer.)
    auto reply = std::make_shared<prefork::Reply>(c.defer());
    calculator->add([reply = std::move(reply), last] { reply->send(sum_up_to(last)); });
  });
  return server.run();
}
