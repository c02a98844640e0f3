// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "base/unique_fd.hpp"
#include "wire/transfer.hpp"
#include "worker/base/event_loop.hpp"
#include "worker/connection/data_path.hpp"

namespace prefork::internal {

// Takes connections that another worker of the pool, or its keeper, gives (wire/transfer.hpp).
class Taker final : public EventSource {
 public:
  // Connections go to the entrance with the name of their listener. Throws std::system_error if epoll rejects the
  // socket.
  Taker(EventLoop& loop, DataPath& path, const std::deque<Entrance>& entrances, preforkd::UniqueFd socket);
  ~Taker();
  Taker(const Taker&) = delete;
  Taker& operator=(const Taker&) = delete;

  // This worker leaves: it refuses all.
  void refuse_all() noexcept { leaving_ = true; }
  // The giver has given everything, or makes no sense.
  [[nodiscard]] bool ended() const noexcept { return ended_; }

 private:
  using Header = std::variant<preforkd::transfer::Connection, preforkd::transfer::Amendment>;
  struct Arrival {
    Header header;
    preforkd::UniqueFd fd;
    std::string payload;

    [[nodiscard]] std::uint32_t serial() const;
    [[nodiscard]] std::size_t missing_bytes() const;
  };

  void on_events(std::uint32_t events) override;
  void take(std::string_view packet, preforkd::UniqueFd fd);
  void adopt(const preforkd::transfer::Connection& header, preforkd::UniqueFd fd, std::string_view payload);
  void amend(const preforkd::transfer::Amendment& header, std::string_view payload);
  [[nodiscard]] const Entrance* entrance_of(std::string_view listener, bool is_tcp) const noexcept;
  [[nodiscard]] std::optional<preforkd::transfer::Refusal> refusal_of(int fd, std::uint32_t state_bytes,
                                                                      const Entrance* entrance) const noexcept;
  // False: the giver no longer waits for it.
  [[nodiscard]] bool answer(const preforkd::transfer::Answer& answer) noexcept;
  void end() noexcept;

  EventLoop& loop_;
  DataPath& path_;
  const std::deque<Entrance>& entrances_;
  preforkd::UniqueFd socket_;
  std::unique_ptr<char[]> buffer_;
  std::optional<Arrival> arrival_;                          // not complete yet
  std::unordered_map<std::uint32_t, std::uint64_t> taken_;  // without their amendment: ids by the giver's serials
  // The giver waits no longer, and has again what it has sent. Amendments of what was taken before may still come.
  bool given_up_ = false;
  bool leaving_ = false;
  bool ended_ = false;
};

}  // namespace prefork::internal
