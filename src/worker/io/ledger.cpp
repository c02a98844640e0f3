// SPDX-License-Identifier: MIT
#include "worker/io/ledger.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace prefork::internal {

Ledger::Ledger(std::size_t descriptors, std::size_t max_state, std::size_t listeners)
    : descriptors_(descriptors), max_state_(max_state) {
  const std::size_t bytes = sizeof(Entry) + descriptors * (sizeof(Entry) + max_state) + listeners * sizeof(Listener);
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  static_assert(sizeof(Shared) <= sizeof(Entry));
  shared_ = static_cast<Shared*>(memory);  // zeros are valid, here and in the entries
  entries_ = static_cast<Entry*>(memory) + 1;
  listeners_ = reinterpret_cast<Listener*>(entries_ + descriptors);
  states_ = reinterpret_cast<char*>(listeners_ + listeners);
}

void Ledger::keep(int fd, std::string_view state, std::uint32_t version) noexcept {
  if (!state.empty()) std::memcpy(states_ + static_cast<std::size_t>(fd) * max_state_, state.data(), state.size());
  entries_[fd].state_version = version;
  entries_[fd].state_bytes = static_cast<std::uint32_t>(state.size());
}

}  // namespace prefork::internal
