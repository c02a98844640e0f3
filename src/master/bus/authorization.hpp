// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "dbus/words.hpp"
#include "master/bus/bus_library.hpp"

namespace preforkd {

// What a caller wants to do; polkit has a policy for each.
enum class BusAction : std::uint8_t {
  reload,  // org.preforkd1.reload: Reload(), Plan()
  manage,  // org.preforkd1.manage: everything else that changes something
};
[[nodiscard]] const char* polkit_id(BusAction action) noexcept;

// Decides which caller may do what. root and the pool's own user may do everything; about others polkit decides, with
// the pool and, for a call to a worker, the slot as details for its rules. Without polkit the answer is no. Nothing
// here blocks: the caller's user and polkit's answer are requested, and the loop continues.
class Authorization {
 public:
  // Calls that wait for an answer at the same time; further ones are refused and may be tried again. polkit may take
  // long, since it may ask for a password, so it has a smaller share of the calls, and each user a share of that: no
  // user can keep out root and the pool's own user, about whom polkit is not asked.
  static constexpr std::size_t max_pending = 1024;
  static constexpr std::size_t max_at_polkit = 128;
  static constexpr std::size_t max_per_user = 32;

  struct Question {
    Caller caller;
    BusAction action{};
    std::map<std::string, std::string> details;  // without the pool
  };

  // Borrows the connection. Destroying this forgets all questions without an answer.
  Authorization(sdbus::IConnection& connection, std::string pool);
  Authorization(const Authorization&) = delete;
  Authorization& operator=(const Authorization&) = delete;
  ~Authorization();

  // Answers `reply` with an error, or runs `act` with the caller ("uid 1000") if it is allowed. Maybe from within.
  template <class Reply, class Act>
  void when_allowed(const Question& question, Reply reply, Act act) {
    ask(question, [reply, act = std::move(act)](const sdbus::Error* refused, const std::string& who) {
      if (refused != nullptr) return reply.error(*refused);
      try {
        act(who, reply);
      } catch (const sdbus::Error& error) {
        reply.error(error);
      } catch (const std::exception& error) {
        reply.error(bus_error(dbus::error::internal, error.what()));
      }
    });
  }

 private:
  struct Pending;
  // Null: allowed, requested by `who`. Else why not, as the D-Bus error to answer with. Called once.
  using Answer = std::function<void(const sdbus::Error* refused, const std::string& who)>;
  void ask(Question question, Answer answer);
  void user_known(Pending& pending, sd_bus_message* reply);
  void ask_polkit(Pending& pending);
  void polkit_answered(Pending& pending, sd_bus_message* reply);
  void finish(Pending& pending, const sdbus::Error* refused);
  [[nodiscard]] bool may_ask_polkit(std::uint32_t uid) const;

  sd_bus* bus_;
  const std::string pool_;
  std::list<Pending> pending_;
  std::string complaint_;  // about polkit, the last one in the log
};

}  // namespace preforkd
