// SPDX-License-Identifier: MIT
#include "agent/agent.hpp"

#include <sys/epoll.h>
#include <systemd/sd-bus.h>

#include <utility>
#include <variant>

#include <prefork/log.hpp>

#include "agent/agent_answer.hpp"
#include "base/errors.hpp"
#include "config/values/pool_name.hpp"
#include "pools/bus/failure_text.hpp"
#include "pools/bus/pool_client.hpp"

namespace preforkd::agent {
namespace {

// HAProxy asks every 2 s by default (agent-inter), and waits no longer for the answer.
constexpr std::chrono::milliseconds bus_timeout(1000);

}  // namespace

// A client that waits for an answer, and gets one in any case: the end of the question says that nothing is known.
class Agent::Question {
 public:
  explicit Question(prefork::Connection& connection) : reply_(connection.defer()) {}
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;
  ~Question() { answer(neutral_answer("the message bus does not answer")); }

  // Only the first answer counts.
  void answer(const std::string& line) {
    if (!reply_) return;
    prefork::Connection* const connection = reply_.connection();
    reply_.send(line);
    if (connection != nullptr) connection->close_after_flush();
  }

 private:
  prefork::Reply reply_;
};

Agent::Agent(prefork::Server& server, const BusTarget& target, std::chrono::milliseconds idle_exit)
    : server_(server), target_(target), idle_exit_(idle_exit) {
  using std::chrono::seconds;
  server.framing(prefork::Framing::lines());
  server.limits(prefork::Limits()
                    .max_message(256)
                    .max_connections(1000)
                    .first_message_timeout(seconds(10))
                    .message_timeout(seconds(10))
                    .write_timeout(seconds(10)));
  server.on_worker_start([this] { rest(); });
  server.on_connect([this](prefork::Connection&) {
    ++clients_;
    server_.cancel(idle_timer_);
  });
  server.on_close([this](prefork::Connection&, prefork::CloseReason) {
    if (--clients_ == 0) rest();
  });
  server.on_message([this](prefork::Connection& connection, std::string_view line) { take(connection, line); });
}

void Agent::rest() {
  idle_timer_ = server_.after(idle_exit_, [this] { server_.stop(); });
}

void Agent::take(prefork::Connection& connection, std::string_view line) {
  const auto question = std::make_shared<Question>(connection);
  const std::string pool(line);
  if (!is_pool_name(pool)) return question->answer(unknown_answer("not the name of a pool"));
  try {
    ask(question, pool);
    handle_bus();  // answers that came while ask() waited for its own
  } catch (const ExitError& error) {
    if (!std::exchange(told_, true)) prefork::log(prefork::LogLevel::warning, {error.what()});
    question->answer(neutral_answer(error.what()));
  } catch (const BusFailure& failure) {
    question->answer(neutral_answer(failure.what()));
    lose_bus();
  }
}

void Agent::ask(const std::shared_ptr<Question>& question, const std::string& pool) {
  try {
    const auto client = std::make_shared<PoolClient>(bus(), pool, false);
    bus().call_async(client->get_all_call(), [this, question, client](const Reply& reply) {
      if (const auto* const failure = std::get_if<BusFailure>(&reply)) {
        question->answer(neutral_answer(client->explained(*failure).what()));
      } else {
        KnownPool known;
        known.answer = pool_snapshot(std::get<Json>(reply).at(0));
        question->answer(
            agent_answer(known, busy_.share(client->name(), *known.answer, std::chrono::steady_clock::now())));
      }
    });
    server_.after(bus_timeout + std::chrono::milliseconds(50), [this] { handle_bus(); });  // its timeout
  } catch (const AbsentPool&) {
    question->answer(answer_about_absent(pool));
  }
}

std::string Agent::answer_about_absent(const std::string& pool) {
  const PoolConfigs configs = PoolConfigs::for_bus(target_, std::nullopt);
  KnownPools pools(bus(), configs);
  try {
    pools.check_exists(pool);
  } catch (const ExitError&) {
    return unknown_answer("there is no such pool");
  }
  return agent_answer(pools.without_answer(pool));
}

Bus& Agent::bus() {
  if (!bus_) {
    bus_.emplace(target_, bus_timeout);
    told_ = false;
    watch_ = server_.watch(sd_bus_get_fd(bus_->get()), EPOLLIN, [this](prefork::WatchEvents) { handle_bus(); });
  }
  return *bus_;
}

void Agent::handle_bus() {
  if (!bus_) return;
  try {
    bus_->process();
  } catch (const BusFailure&) {
    lose_bus();
  }
}

void Agent::lose_bus() {
  server_.unwatch(std::exchange(watch_, prefork::WatchId{}));
  bus_.reset();
}

}  // namespace preforkd::agent
