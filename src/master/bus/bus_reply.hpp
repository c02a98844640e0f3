// SPDX-License-Identifier: MIT
#pragma once

#include <list>
#include <memory>
#include <utility>

#include "dbus/words.hpp"
#include "master/base/log.hpp"
#include "master/bus/bus_library.hpp"

namespace preforkd {

class BusReplies;

// The pending reply to a caller. Copies share it; it is sent at most once. If the last copy is destroyed without a
// reply, the caller gets an error rather than a time-out.
template <class... Results>
class BusReply;

// All pending replies of one connection. They refer to it, so call forget() before it is destroyed.
class BusReplies {
 public:
  void forget() noexcept {
    for (const std::weak_ptr<Owed>& owed : owed_) {
      if (const auto alive = owed.lock()) alive->forget();
    }
    owed_.clear();
  }

 private:
  template <class...>
  friend class BusReply;

  class Owed {
   public:
    Owed() = default;
    Owed(const Owed&) = delete;
    Owed& operator=(const Owed&) = delete;
    virtual ~Owed() = default;
    virtual void forget() noexcept = 0;
  };
  void add(const std::shared_ptr<Owed>& owed) {
    std::erase_if(owed_, [](const std::weak_ptr<Owed>& each) { return each.expired(); });
    owed_.push_back(owed);
  }

  std::list<std::weak_ptr<Owed>> owed_;
};

template <class... Results>
class BusReply {
 public:
  BusReply(BusReplies& replies, sdbus::Result<Results...>&& result)
      : owed_(std::make_shared<Answer>(std::move(result))) {
    replies.add(owed_);
  }

  void results(const Results&... results) const {
    owed_->give([&](const sdbus::Result<Results...>& to) { to.returnResults(results...); });
  }
  void error(const sdbus::Error& error) const {
    owed_->give([&](const sdbus::Result<Results...>& to) { to.returnError(error); });
  }

 private:
  class Answer final : public BusReplies::Owed {
   public:
    explicit Answer(sdbus::Result<Results...>&& result)
        : result_(std::make_unique<sdbus::Result<Results...>>(std::move(result))) {}
    ~Answer() override {
      give([](const auto& to) { to.returnError(bus_error(dbus::error::internal, "the call was not handled")); });
    }
    void forget() noexcept override { result_.reset(); }

    // It does not matter if the caller has left, or the connection is breaking.
    template <class Give>
    void give(const Give& how) noexcept {
      const auto result = std::exchange(result_, nullptr);
      if (!result) return;
      try {
        how(*result);
      } catch (const std::exception& error) {
        log::debug(error.what());
      }
    }

   private:
    std::unique_ptr<sdbus::Result<Results...>> result_;
  };
  std::shared_ptr<Answer> owed_;
};

}  // namespace preforkd
