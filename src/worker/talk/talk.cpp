// SPDX-License-Identifier: MIT
#include "worker/talk/talk.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <exception>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "base/counted.hpp"
#include "wire/packet.hpp"
#include "wire/worker_message.hpp"
#include "worker/base/log.hpp"

namespace prefork::internal {

namespace wire = preforkd::worker_message;
using preforkd::PacketReceived;
using preforkd::PacketSent;

namespace {

// In a turn, of all other workers: the clients must not wait long.
constexpr std::chrono::milliseconds turn_share{2};
constexpr std::size_t queue_entry_bytes = 64;  // that a queued message counts besides its own

// Counters have one writer.
void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

void check_size(std::string_view message) {
  if (message.size() <= wire::max_bytes) return;
  throw std::length_error("a message to another worker has " + std::to_string(message.size()) + " bytes, more than " +
                          std::to_string(wire::max_bytes));
}

}  // namespace

// A message, copied when it has to wait for the first time: all queues share it.
struct Talk::Outgoing {
  std::string_view bytes;
  std::shared_ptr<const std::string> copy{};
};

// One other worker. After its end nothing is sent, but what it has sent is still read.
class Talk::Link final : public EventSource {
 public:
  Link(Talk& talk, const PoolWorker& worker, preforkd::UniqueFd socket)
      : talk_(talk), worker_(worker), socket_(std::move(socket)) {
    if (const int error = talk_.loop_.add(socket_.get(), EPOLLIN, *this); error != 0) {
      throw std::system_error(error, std::generic_category(), "epoll_ctl");
    }
  }
  ~Link() { end(); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  [[nodiscard]] const PoolWorker& worker() const noexcept { return worker_; }
  [[nodiscard]] bool is_open() const noexcept { return open_; }
  [[nodiscard]] bool ended() const noexcept { return !socket_; }
  [[nodiscard]] bool is_sending() const noexcept { return !queue_.empty(); }
  [[nodiscard]] bool lives() const noexcept {
    pollfd other{socket_.get(), POLLRDHUP, 0};
    return open_ && ::poll(&other, 1, 0) == 0;
  }

  SendResult send(Outgoing& message) noexcept {
    if (!queue_.empty()) return enqueue(message);
    switch (put(message.bytes)) {
      case PacketSent::sent:
        return SendResult::sent;
      case PacketSent::full:
        return enqueue(message);
      case PacketSent::broken:
        break;
    }
    return open_ ? SendResult::full : SendResult::no_worker;
  }

  // Another socket to the same worker takes its place.
  void retire() noexcept {
    open_ = false;
    static_cast<void>(clear_queue());
  }

  // Returns how many messages are lost by that.
  std::size_t clear_queue() noexcept {
    queued_bytes_ = 0;
    return std::exchange(queue_, {}).size();
  }

 private:
  void on_events(std::uint32_t events) override {
    if ((events & EPOLLOUT) != 0) flush();
    if ((events & ~std::uint32_t{EPOLLOUT}) != 0) read();
  }

  void read() {
    preforkd::Packet packet;
    do {
      switch (preforkd::receive_packet(socket_.get(), {talk_.buffer_.get(), wire::max_packet_bytes}, packet)) {
        case PacketReceived::nothing:
          return;
        case PacketReceived::ended:
          return end();
        case PacketReceived::packet:
          break;
      }
      const std::optional<std::string_view> message = wire::read(packet.bytes);
      if (!message) continue;  // of a newer program
      talk_.errors_.run("on_worker_message", [&] { talk_.on_message_(worker_, *message); });
    } while (talk_.has_share_left());
  }

  // A packet that is too long for the socket (net.core.wmem_default) is broken, but the link is not.
  [[nodiscard]] PacketSent put(std::string_view bytes) noexcept {
    const PacketSent sent = preforkd::send_packet(socket_.get(), {wire::bytes_of({}), bytes});
    if (sent == PacketSent::broken && errno != EMSGSIZE) open_ = false;
    if (sent == PacketSent::sent) add(talk_.stats_.worker_messages, 1);
    return sent;
  }

  SendResult enqueue(Outgoing& message) noexcept {
    const std::size_t bytes = message.bytes.size() + queue_entry_bytes;
    if (bytes > talk_.max_queue_ - std::min(queued_bytes_, talk_.max_queue_)) return SendResult::full;
    try {
      if (message.copy == nullptr) message.copy = std::make_shared<const std::string>(message.bytes);
      queue_.push_back(message.copy);
    } catch (const std::bad_alloc&) {
      return SendResult::full;
    }
    queued_bytes_ += bytes;
    if (queue_.size() == 1) await(EPOLLIN | EPOLLOUT);
    return SendResult::sent;
  }

  void flush() noexcept {
    while (!queue_.empty()) {
      const PacketSent sent = put(*queue_.front());
      if (sent == PacketSent::full) return;
      if (!open_) break;
      if (sent == PacketSent::broken) talk_.drop(worker_, 1);
      queued_bytes_ -= queue_.front()->size() + queue_entry_bytes;
      queue_.pop_front();
    }
    static_cast<void>(clear_queue());  // lost with that worker
    await(EPOLLIN);
  }

  void await(std::uint32_t events) noexcept { static_cast<void>(talk_.loop_.modify(socket_.get(), events, *this)); }

  void end() noexcept {
    retire();
    if (!socket_) return;
    talk_.loop_.remove(socket_.get(), *this);
    socket_.reset();
  }

  Talk& talk_;
  const PoolWorker worker_;
  preforkd::UniqueFd socket_;
  bool open_ = true;
  std::deque<std::shared_ptr<const std::string>> queue_;
  std::size_t queued_bytes_ = 0;
};

Talk::Talk(EventLoop& loop, const ErrorPolicy& errors, const OnMessage& on_message, std::size_t max_queue,
           preforkd::StatsPage& stats)
    : loop_(loop), errors_(errors), on_message_(on_message), max_queue_(max_queue), stats_(stats) {}

Talk::~Talk() = default;

std::vector<PoolWorker> Talk::others() const {
  std::vector<PoolWorker> all;
  for (const Link& link : links_) {
    if (link.is_open()) all.push_back(link.worker());
  }
  return all;
}

SendResult Talk::send_to(unsigned slot, std::string_view message) {
  Link* youngest = nullptr;
  for (Link& link : links_) {
    if (!link.is_open() || link.worker().slot != slot) continue;
    if (youngest == nullptr || link.worker().id > youngest->worker().id) youngest = &link;
  }
  return send(youngest, message);
}

SendResult Talk::send_to(const PoolWorker& worker, std::string_view message) {
  const auto is_it = [&](const Link& link) { return link.is_open() && link.worker().id == worker.id; };
  const auto found = std::find_if(links_.begin(), links_.end(), is_it);
  return send(found == links_.end() ? nullptr : &*found, message);
}

std::size_t Talk::broadcast(std::string_view message) {
  check_size(message);
  Outgoing outgoing{message};
  std::size_t count = 0;
  for (Link& link : links_) count += link.is_open() && send(link, outgoing) == SendResult::sent ? 1 : 0;
  return count;
}

SendResult Talk::send(Link* link, std::string_view message) {
  check_size(message);
  if (link == nullptr) return SendResult::no_worker;
  Outgoing outgoing{message};
  return send(*link, outgoing);
}

SendResult Talk::send(Link& link, Outgoing& message) noexcept {
  const SendResult result = link.send(message);
  if (result == SendResult::full) drop(link.worker(), 1);
  return result;
}

void Talk::drop(const PoolWorker& worker, std::size_t messages) noexcept {
  if (messages == 0) return;
  add(stats_.worker_messages_dropped, messages);
  if (const auto left_out = drop_log_.pass(loop_.now())) {
    const std::string count = preforkd::counted(messages, "message");
    const std::string before = *left_out > 0 ? " (" + std::to_string(*left_out) + " more such lines left out)" : "";
    log_line(LogLevel::warning, {"dropped ", count, " to worker ", std::to_string(worker.slot), " (pid ",
                                 std::to_string(worker.pid), "), which does not read them in time", before});
  }
}

void Talk::meet(const preforkd::control::Meet& other, preforkd::UniqueFd socket) noexcept {
  for (Link& link : links_) {
    if (link.worker().id != other.id) continue;
    if (link.lives()) return;
    link.retire();
  }
  try {
    if (buffer_ == nullptr) buffer_.reset(new char[wire::max_packet_bytes]);
    links_.emplace_back(*this, PoolWorker{other.id, other.slot, other.generation, other.pid}, std::move(socket));
  } catch (const std::exception& error) {
    log_line(LogLevel::error, {"cannot exchange messages with another worker: ", error.what()});
  }
}

// One message in each turn at least.
bool Talk::has_share_left() noexcept {
  const auto now = std::chrono::steady_clock::now();
  if (std::exchange(turn_, loop_.now()) != loop_.now()) share_end_ = now + turn_share;
  return now < share_end_;
}

void Talk::settle() noexcept {
  links_.remove_if([](const Link& link) { return link.ended(); });
}

bool Talk::is_sending() const noexcept {
  return std::any_of(links_.begin(), links_.end(), [](const Link& link) { return link.is_sending(); });
}

void Talk::stop_queueing() noexcept {
  max_queue_ = 0;
  for (Link& link : links_) drop(link.worker(), link.clear_queue());
}

}  // namespace prefork::internal
