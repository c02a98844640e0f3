// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace prefork::internal {

// What a successor has to know of each connection, by descriptor: in memory that outlives this process's own (a mapping
// that is shared with children). Written with plain stores, so it costs no system call.
//
// Whoever gives the connections of a process that has died relies on the marks. At every instruction at which a kill
// can come, a connection is marked resting only if nothing of it is in the process's hands: everything that was read
// from it was delivered, answered and sent, and no reply is owed. So busy comes before the read, the send or the call
// that takes something into hand, and resting after all is done.
class Ledger {
 public:
  enum class Mark : std::uint8_t {
    none,     // not a connection
    busy,     // something of it is in hand
    resting,  // it only waits for its client
    // On its way to another worker, which may own it already:
    moving,       // it rested, and nothing was done with it since
    moving_busy,  // something of it is in hand
  };
  // That a worker dies or hangs when it adopts it (wire/transfer.hpp).
  enum class Suspicion : std::uint8_t { none, suspected, proven };

  struct Entry {
    std::array<std::uint8_t, 24> peer{};  // PeerAddress
    std::int64_t input_since = 0;         // CLOCK_MONOTONIC, nanoseconds
    std::uint32_t state_bytes = 0;
    std::uint32_t state_version = 0;
    std::uint16_t entrance = 0;  // the index of the listening socket
    std::atomic<Mark> mark{Mark::none};
    std::uint8_t heard = 0;  // a message was delivered
    Suspicion suspicion = Suspicion::none;
  };

  // A listening socket of this process.
  struct Listener {
    std::array<char, 255> name{};  // LISTEN_FDNAMES
    std::uint8_t name_bytes = 0;
    std::uint8_t is_tcp = 0;

    [[nodiscard]] std::string_view name_view() const noexcept { return {name.data(), name_bytes}; }
  };

  // For descriptors below `descriptors`, each with up to `max_state` bytes of kept state. Memory is used only for those
  // that are. Throws std::system_error. A copy refers to the same mapping, which lasts as long as the process.
  Ledger(std::size_t descriptors, std::size_t max_state, std::size_t listeners);

  [[nodiscard]] std::size_t size() const noexcept { return descriptors_; }
  [[nodiscard]] std::size_t max_state() const noexcept { return max_state_; }
  // Descriptors from size() on have no entry: their connections do not move.
  [[nodiscard]] bool covers(int fd) const noexcept { return static_cast<std::size_t>(fd) < descriptors_; }
  [[nodiscard]] Entry& at(int fd) noexcept { return entries_[fd]; }
  // A connection begins with this descriptor, before its first mark.
  Entry& enter(int fd) noexcept {
    if (fd >= end()) shared_->end.store(fd + 1, std::memory_order_relaxed);
    Entry& entry = entries_[fd];
    entry.state_bytes = entry.state_version = 0;
    entry.suspicion = Suspicion::none;
    return entry;
  }
  // Behind the last descriptor that was entered: size() may be a million, and reading an entry claims memory.
  [[nodiscard]] int end() const noexcept { return shared_->end.load(std::memory_order_relaxed); }

  // The socket over which this process gives connections to another one at the moment; -1: none.
  [[nodiscard]] int giver() const noexcept { return shared_->giver_plus_one.load(std::memory_order_relaxed) - 1; }
  void set_giver(int fd) noexcept { shared_->giver_plus_one.store(fd + 1, std::memory_order_relaxed); }

  // By the index of an entry's entrance.
  [[nodiscard]] Listener& listener(std::size_t index) noexcept { return listeners_[index]; }

  [[nodiscard]] std::string_view state(int fd) const noexcept {
    return {states_ + static_cast<std::size_t>(fd) * max_state_, entries_[fd].state_bytes};
  }
  // While the mark is neither resting nor moving. `state` has at most max_state() bytes.
  void keep(int fd, std::string_view state, std::uint32_t version) noexcept;

  // The mark before.
  Mark set(int fd, Mark mark) noexcept {
    std::atomic<Mark>& of_fd = entries_[fd].mark;
    const Mark before = of_fd.load(std::memory_order_relaxed);
    // The compiler must move nothing across it; the processor shows a killed process's stores in order.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    of_fd.store(mark, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return before;
  }

 private:
  struct Shared {
    std::atomic<int> giver_plus_one{0};
    std::atomic<int> end{0};
  };

  std::size_t descriptors_;
  std::size_t max_state_;
  Shared* shared_;
  Entry* entries_;
  Listener* listeners_;
  char* states_;
};
static_assert(sizeof(Ledger::Entry) == 48);

}  // namespace prefork::internal
