// SPDX-License-Identifier: MIT
// Everything that a keeper does. It is a copy of a process that may be anywhere in malloc or stdio, so it calls only
// what signal-safety(7) allows, or a raw system call, on memory that was prepared before; and it ends only with
// exit_group(2).
#include "worker/hand_over/keeper_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "base/process_title.hpp"
#include "base/sanitized.hpp"
#include "wire/control_message.hpp"
#include "wire/packet.hpp"
#include "wire/transfer.hpp"

namespace prefork::internal {
namespace {

namespace control = preforkd::control;
namespace transfer = preforkd::transfer;
using Mark = Ledger::Mark;
using preforkd::PacketReceived;
using preforkd::PacketSent;
using preforkd::UniqueFd;

constexpr auto answer_ms = static_cast<int>(transfer::answer_time.count());
constexpr auto retry_ms = static_cast<int>(transfer::retry_delay.count());
constexpr int full_pool_ms = 100;  // until a taker is sought again that has taken none
// The master learns a little later than we do that a taker has died or leaves, and that its slot gets another worker.
constexpr int news_ms = 100;
constexpr unsigned max_news = 20;
constexpr int repeat_ms = 5000;  // a master that has read what we seek may have died before it did anything about it

std::size_t index_of(transfer::Refusal refusal) noexcept { return static_cast<std::size_t>(refusal); }

std::int64_t now_ms() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1'000'000;
}

bool is_readable(int fd, int timeout_ms) noexcept {
  const std::int64_t end = now_ms() + timeout_ms;
  pollfd entry{fd, POLLIN, 0};
  for (;;) {
    const std::int64_t left = std::max<std::int64_t>(end - now_ms(), 0);
    const int ready = ::poll(&entry, 1, static_cast<int>(left));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return true;
  }
}

// The life of a keeper after that of its worker.
class Estate {
 public:
  explicit Estate(const KeeperPlan& plan) noexcept
      : ledger_(plan.ledger), control_fd_(plan.control_fd), end_ms_(now_ms() + plan.patience_ms) {}

  [[noreturn]] void settle() noexcept {
    sort_out();
    if (ledger_.giver() >= 0) finish_giving(UniqueFd(ledger_.giver()));
    unsigned failures = 0;
    unsigned news = 0;
    bool last_was_passing = false;
    while (resting_ > 0 && failures < transfer::max_takers) {
      const UniqueFd taker = seek();
      if (!taker && (!dismissed_ || !last_was_passing || ++news > max_news)) break;
      if (!taker) {
        ::poll(nullptr, 0, news_ms);
        continue;
      }
      refusal_of_all_.reset();
      const bool given = give(taker.get());
      last_was_passing = !given || refusal_of_all_ == transfer::Refusal::leaving;
      if (!given) {
        if (offered_) ++failures;
      } else if (figures_.moved == 0) {
        ::poll(nullptr, 0, full_pool_ms);
      }
      report();
    }
    if (failures > 0 || refusal_of_all_)
      figures_.refused[index_of(refusal_of_all_.value_or(transfer::Refusal::failed))] += resting_;
    for (int fd = 0; (fd = next_with(Mark::resting, fd)) >= 0; ++fd) close_connection(fd);
    report();
    for (;;) ::syscall(SYS_exit_group, 0);  // what _exit(3) does; a library should not have that symbol
  }

 private:
  // Busy clients wait for a reply that will not come. The listening sockets, epoll and the rest are of no use any more.
  void sort_out() noexcept {
    const int end = ledger_.end();
    for (int fd = 0; fd < end; ++fd) {
      const Mark mark = ledger_.at(fd).mark.load(std::memory_order_relaxed);
      if (mark == Mark::resting || mark == Mark::moving) ++resting_;
      if (is_moving(mark)) ++moving_;
      if (mark == Mark::busy) reset_connection(fd);
    }
    int from = 0;
    const int last_needed = std::max({end - 1, control_fd_, ledger_.giver()});
    for (int fd = 0; fd <= last_needed; ++fd) {
      const Mark mark = fd < end ? ledger_.at(fd).mark.load(std::memory_order_relaxed) : Mark::none;
      const bool needed = fd == control_fd_ || fd == ledger_.giver() || mark == Mark::resting || is_moving(mark);
      if (!needed) continue;
      close_range(from, fd - 1);
      from = fd + 1;
    }
    close_range(from, std::numeric_limits<int>::max());
  }

  // Both end the connection at once, although a process that the worker has started may have the socket, too.
  void close_connection(int fd) noexcept {
    ++figures_.closed;
    ::shutdown(fd, SHUT_RDWR);
    drop(fd);
  }

  void reset_connection(int fd) noexcept {
    ++figures_.closed;
    if (ledger_.listener(ledger_.at(fd).entrance).is_tcp == 0) {
      ::shutdown(fd, SHUT_RDWR);
      return;
    }
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    const sockaddr none{.sa_family = AF_UNSPEC, .sa_data = {}};
    static_cast<void>(::connect(fd, &none, sizeof none));
  }

  static bool is_moving(Mark mark) noexcept { return mark == Mark::moving || mark == Mark::moving_busy; }

  // The worker died while it gave connections away. The taker has them already, or takes what was sent to it. Of what
  // it does not take, those that rested rest again; of the others, a part may have been in the worker's memory.
  void finish_giving(const UniqueFd& taker) noexcept {
    ::shutdown(taker.get(), SHUT_WR);
    while (moving_ > 0 && is_readable(taker.get(), answer_ms)) {
      if (!take_answers(taker.get(), moving_)) break;
    }
    ::shutdown(taker.get(), SHUT_RD);
    static_cast<void>(take_answers(taker.get(), moving_));
    for (int fd = 0; (fd = next_with(Mark::moving, fd)) >= 0; ++fd) ledger_.set(fd, Mark::resting);
    for (int fd = 0; (fd = next_with(Mark::moving_busy, fd)) >= 0; ++fd) {
      reset_connection(fd);
      drop(fd);
    }
  }

  void drop(int fd) noexcept {
    ledger_.set(fd, Mark::none);
    UniqueFd(fd).reset();
  }

  static void close_range(int first, int last) noexcept {
    if (first <= last) ::syscall(SYS_close_range, static_cast<unsigned>(first), static_cast<unsigned>(last), 0U);
  }

  void say(const control::Message& message) const noexcept {
    const control::Encoded encoded = control::encode(message);
    while (preforkd::send_packet(control_fd_, {encoded.view()}) == PacketSent::full && now_ms() < end_ms_) {
      ::poll(nullptr, 0, retry_ms);
    }
  }

  // What has happened since the last report.
  void report() noexcept {
    const transfer::RefusalCounts none{};
    if (figures_.moved == 0 && figures_.closed == 0 && figures_.refused == none) return;
    control::Gave gave = std::exchange(figures_, {});
    gave.by_keeper = 1;
    say(gave);
  }

  // The socket of a worker that takes connections; none: there is none, or no master.
  [[nodiscard]] UniqueFd seek() noexcept {
    dismissed_ = false;
    say(control::Seeks{resting_});
    std::array<char, control::max_message_bytes> buffer{};
    for (;;) {
      const std::int64_t left = end_ms_ - now_ms();
      if (left <= 0) return {};
      if (!is_readable(control_fd_, static_cast<int>(std::min<std::int64_t>(left, repeat_ms)))) {
        say(control::Seeks{resting_});
        continue;
      }
      preforkd::Packet packet;
      const PacketReceived received = preforkd::receive_packet(control_fd_, buffer, packet);
      if (received == PacketReceived::ended) return {};
      if (received == PacketReceived::nothing) continue;
      const auto message = control::decode(packet.bytes);
      if (!message) continue;
      // Maybe a Give that the worker had not read: its taker is as good.
      dismissed_ = std::holds_alternative<control::NoTaker>(*message);
      if (dismissed_) return {};
      if (std::holds_alternative<control::Give>(*message) && packet.fd) return std::move(packet.fd);
    }
  }

  // Gives all, or as many as the taker takes. False: it has died or hangs. A connection's serial is its descriptor.
  [[nodiscard]] bool give(int taker) noexcept {
    int next = 0;
    std::uint32_t unanswered = 0;
    bool open = true;
    offered_ = false;
    tried_ = -1;
    while (open && now_ms() < end_ms_ && (unanswered > 0 || next < ledger_.end())) {
      bool full = false;
      while (open && !full && unanswered < transfer::max_unanswered && (next = next_with(Mark::resting, next)) >= 0) {
        const PacketSent sent = send_connection(taker, next);
        full = sent == PacketSent::full;
        open = sent != PacketSent::broken;
        if (sent != PacketSent::sent) continue;
        ledger_.set(next++, Mark::moving);
        ++unanswered;
        offered_ = true;
      }
      if (next < 0) next = ledger_.end();
      if (unanswered == 0 && full) ::poll(nullptr, 0, retry_ms);
      if (unanswered == 0) continue;
      open = open && is_readable(taker, answer_ms) && take_answers(taker, unanswered);
    }
    // No Taken can be sent any more; those that were count, and the rest is ours again.
    ::shutdown(taker, SHUT_RD);
    static_cast<void>(take_answers(taker, unanswered));
    const bool failed = !open && !refusal_of_all_;
    if (failed) suspect();
    for (int fd = 0; (fd = next_with(Mark::moving, fd)) >= 0; ++fd) ledger_.set(fd, Mark::resting);
    return !failed;
  }

  // What the taker died or hung at, as it has said; or may have: they go in order of their descriptors.
  void suspect() noexcept {
    const int first = next_with(Mark::moving, 0);
    if (tried_ >= 0 && ledger_.at(tried_).mark.load(std::memory_order_relaxed) == Mark::moving) {
      ++figures_.refused[index_of(transfer::Refusal::failed)];
      --resting_;
      close_connection(tried_);
    } else if (first >= 0) {
      ledger_.at(first).suspicion = Ledger::Suspicion::suspected;
    }
  }

  // From `fd` on; -1: there is none.
  [[nodiscard]] int next_with(Mark mark, int fd) noexcept {
    for (; fd < ledger_.end(); ++fd) {
      if (ledger_.at(fd).mark.load(std::memory_order_relaxed) == mark) return fd;
    }
    return -1;
  }

  [[nodiscard]] PacketSent send_connection(int taker, int fd) noexcept {
    const Ledger::Entry& entry = ledger_.at(fd);
    const Ledger::Listener& listener = ledger_.listener(entry.entrance);
    transfer::Connection connection;
    connection.serial = static_cast<std::uint32_t>(fd);
    connection.state_version = entry.state_version;
    connection.listener_bytes = listener.name_bytes;
    connection.state_bytes = entry.state_bytes;
    connection.heard = entry.heard;
    connection.is_tcp = listener.is_tcp;
    connection.suspected = entry.suspicion == Ledger::Suspicion::none ? 0 : 1;
    connection.input_since = entry.input_since;
    connection.peer = entry.peer;
    static_assert(sizeof connection + 255 + transfer::max_state_bytes <= transfer::max_packet_bytes);
    return preforkd::send_packet(taker, {transfer::bytes_of(connection), listener.name_view(), ledger_.state(fd)}, fd);
  }

  // False: the taker takes no more.
  [[nodiscard]] bool take_answers(int taker, std::uint32_t& unanswered) noexcept {
    std::array<char, 64> buffer{};
    preforkd::Packet packet;
    bool willing = true;
    for (;;) {
      const PacketReceived received = preforkd::receive_packet(taker, buffer, packet);
      if (received != PacketReceived::packet) return willing && received == PacketReceived::nothing;
      const auto answer = transfer::read_answer(packet.bytes);
      if (!answer) continue;
      const bool refuses_all = answer->type == transfer::Type::refused && transfer::refuses_all(answer->refusal);
      if (refuses_all) {
        refusal_of_all_ = answer->refusal;
        willing = false;
      }
      if (answer->serial >= static_cast<std::uint32_t>(ledger_.end())) continue;
      const int fd = static_cast<int>(answer->serial);
      const Mark mark = ledger_.at(fd).mark.load(std::memory_order_relaxed);
      if (!is_moving(mark) || answer->type == transfer::Type::amended) continue;
      if (answer->type == transfer::Type::trying) {
        tried_ = fd;
        continue;
      }
      const bool rested = mark == Mark::moving;
      --unanswered;
      if (answer->type == transfer::Type::taken) {
        ++figures_.moved;
        drop(fd);
      } else if (rested && refuses_all) {
        ledger_.set(fd, Mark::resting);
        continue;
      } else {
        ++figures_.refused[index_of(answer->refusal)];
        close_connection(fd);
      }
      if (rested) --resting_;
    }
  }

  Ledger ledger_;
  const int control_fd_;
  const std::int64_t end_ms_;
  std::uint32_t resting_ = 0;                        // those on their way that rested included
  std::uint32_t moving_ = 0;                         // on their way when the worker died
  bool dismissed_ = false;                           // by the master: there is no taker
  bool offered_ = false;                             // something, to the last taker
  int tried_ = -1;                                   // the taker has said Trying for it
  std::optional<transfer::Refusal> refusal_of_all_;  // of the last taker
  control::Gave figures_;
};

// Gives back the heap and other large memory that this process has as a copy: otherwise it would keep all that the
// worker had, while the worker changes its own. Small mappings stay, because the dynamic linker and the thread's own
// variables live there. Code is given back, too: the few pages that are needed come back from the file. Nothing is
// given back if /proc cannot be read.
class Inheritance {
 public:
  void give_back() noexcept {
    if (preforkd::is_sanitized) return;  // its own memory is large and anonymous, too
    const UniqueFd maps(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
    std::array<char, 1024> piece{};
    ssize_t size = 0;
    while ((size = ::read(maps.get(), piece.data(), piece.size())) > 0) {
      for (const char c : std::string_view(piece.data(), static_cast<std::size_t>(size))) add(c);
    }
    for (const Range& range : code_) give_back(range);
  }

 private:
  static constexpr std::uintptr_t large = 128 * 1024;

  struct Range {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
  };

  static void give_back(Range range) noexcept {
    ::madvise(reinterpret_cast<void*>(range.begin), range.end - range.begin,
              MADV_DONTNEED);  // NOLINT: the kernel has named it
  }

  void add(char c) noexcept {
    if (c != '\n') {
      if (size_ < line_.size()) line_[size_++] = c;
      return;
    }
    look_at({line_.data(), size_});
    size_ = 0;
  }

  // "55d0c0a00000-55d0c0a21000 rw-p 00000000 00:00 0    [heap]"
  void look_at(std::string_view line) noexcept {
    const std::uintptr_t begin = take_number(line);
    const std::uintptr_t end = take_number(line);
    const bool is_code = line.substr(0, 5) == "r-xp " && line.find('/') != std::string_view::npos;
    const bool is_own = line.substr(0, 5) == "rw-p " && line.find(" 00:00 0") != std::string_view::npos;
    const bool is_heap = is_own && line.find("[heap]") != std::string_view::npos;
    const bool is_large = is_own && end - begin >= large && line.find('[') == std::string_view::npos;
    if (is_code && codes_ < code_.size()) code_[codes_++] = {begin, end};
    if (!is_heap && !is_large) return;
    const auto contains = [=](const void* place) {
      const auto at = reinterpret_cast<std::uintptr_t>(place);
      return at >= begin && at < end;
    };
    if (contains(&begin) || contains(&errno)) return;
    give_back({begin, end});
  }

  // A hexadecimal number and the character behind it.
  static std::uintptr_t take_number(std::string_view& text) noexcept {
    std::uintptr_t number = 0;
    while (!text.empty()) {
      const char c = text.front();
      text.remove_prefix(1);
      if (c >= '0' && c <= '9') {
        number = number * 16 + static_cast<std::uintptr_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        number = number * 16 + static_cast<std::uintptr_t>(c - 'a' + 10);
      } else {
        break;
      }
    }
    return number;
  }

  std::array<char, 128> line_{};
  std::size_t size_ = 0;
  std::array<Range, 64> code_{};
  std::size_t codes_ = 0;
};

// `plan` and what it refers to, except the ledger's mapping, are memory that is given back.
[[noreturn]] void keep(const KeeperPlan& given) noexcept {
  const KeeperPlan plan = given;
  preforkd::set_process_title(plan.title);
  preforkd::set_process_name(control::keeper_name);
  ::setpgid(0, 0);  // what is sent to the worker's group is not for us
  Inheritance().give_back();
  pollfd worker{plan.worker_pidfd, POLLIN, 0};
  while (::poll(&worker, 1, -1) < 1) continue;
  Estate(plan).settle();
}

}  // namespace

preforkd::Result<pid_t> start_keeper(const KeeperPlan& plan) noexcept {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);    // for good in the keeper: only SIGKILL ends it
  constexpr unsigned long flags = CLONE_FILES;  // no exit signal: the application does not wait for it
#if defined(__s390__)
  const long pid = ::syscall(SYS_clone, nullptr, flags, nullptr, nullptr, nullptr);
#else
  const long pid = ::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr);
#endif
  if (pid == 0) keep(plan);
  const int error = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return preforkd::os_failure(error);
  return static_cast<pid_t>(pid);
}

}  // namespace prefork::internal
