// SPDX-License-Identifier: MIT
#include "unit/master/pool/event_text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "config/config_rows.hpp"

namespace preforkd {
namespace {

using std::chrono::milliseconds;

PoolConfig unusual_config() {
  PoolConfig config;
  config.workers = {.initial = 4, .min = 2, .max = 9};
  config.ready = ReadyMode::exec;
  config.start_timeout = std::chrono::minutes(90) + milliseconds(1);
  config.drain_timeout = milliseconds(1500);
  config.hang_timeout = milliseconds(700);
  config.stop = StopMode::mixed;
  config.stop_signal = SIGRTMIN + 3;
  config.restart = {milliseconds(1), milliseconds(2), milliseconds(3), {7, 78}};
  config.recycle = {1000, std::chrono::hours(30), 1000000, 0.29, 3};
  config.reload = {0.7, 2, milliseconds(4), 5};
  return config;
}

// Initialised with an event of each kind: one that is missing does not compile.
template <class>
struct OneOfEach;
template <class... Kinds>
struct OneOfEach<std::variant<Kinds...>> {
  std::tuple<Kinds...> events;
};

std::vector<Event> examples() {
  const WorkerId id{7};
  const auto config = std::make_shared<const PoolConfig>(unusual_config());
  const OneOfEach<Event> all{
      {event::Start{},
       event::WorkerHeard{id},
       event::WorkerExecuted{id},
       event::WorkerReady{id},
       event::WorkerStopping{id},
       event::WorkerAlive{id},
       event::WorkerWatchdogTimeout{id, milliseconds(1500)},
       event::WorkerWatchdogTrigger{id},
       event::WorkerExtends{id, milliseconds(-5)},
       event::WorkersUnheard{{id, WorkerId{8}}},
       event::WorkerMeasured{id, 3, 4096},
       event::WorkerMoves{id, {1, 0xFFFFFFFFFFFFFFFF}},
       event::WorkerTalks{id, 1},
       event::WorkerSeeks{id, 300},
       event::WorkerGave{id, 299, 1, {3, 0, 0, 0, 7}, true},
       event::WorkerExited{id, 4711, {ExitStatus::Kind::dumped, SIGSEGV, {}}, true, true, {milliseconds(5), 4096}},
       event::RemainsGone{id},
       event::LaunchFailed{id, os_failure(EAGAIN, "cannot fork: ").value()},
       event::Reload{config},
       event::Adopt{config},
       event::Resize{3},
       event::Scale{4},
       event::Unpin{},
       event::Recycle{2},
       event::Rebalance{},
       event::Kill{2, SIGUSR1},
       event::Stop{},
       event::StopNow{},
       event::Tick{}}};
  std::vector<Event> list = std::apply([](const auto&... each) { return std::vector<Event>{each...}; }, all.events);
  list.insert(
      list.end(),
      {event::WorkerExtends{id, Duration::max()}, event::WorkersUnheard{}, event::WorkerMeasured{id, 3, std::nullopt},
       event::WorkerExited{id, 0, {ExitStatus::Kind::exited, 3, {}}},
       event::WorkerExited{id, 1, {ExitStatus::Kind::signaled, SIGKILL, {}}, true, false},
       event::WorkerExited{id, 1, {ExitStatus::Kind::exec_failed, ENOENT, "execve"}},
       event::WorkerExited{id, 1, {}, false, true}, event::LaunchFailed{id, os_failure(4000).value()},
       event::LaunchFailed{id, "a quote is never closed"}, event::Reload{std::make_shared<const PoolConfig>()}});
  return list;
}

template <class T>
bool same(const T& a, const T& b) {
  return a == b;
}
bool same(const ExitStatus& a, const ExitStatus& b) {
  return std::tie(a.kind, a.value, a.step) == std::tie(b.kind, b.value, b.step);
}
bool same(const Error& a, const Error& b) { return std::tie(a.text, a.number) == std::tie(b.text, b.number); }
bool same(const std::shared_ptr<const PoolConfig>& a, const std::shared_ptr<const PoolConfig>& b) {
  const std::vector<ConfigRow> rows = config_rows(*a);
  const std::vector<ConfigRow> others = config_rows(*b);
  return std::equal(rows.begin(), rows.end(), others.begin(), others.end(),
                    [](const ConfigRow& x, const ConfigRow& y) { return x.key == y.key && x.identity == y.identity; });
}

// Counts members: it stands for one of any type. It is never converted.
struct Anything {
  template <class T>
  operator T() const {  // NOLINT(google-explicit-constructor)
    throw std::logic_error("never");
  }
};

// All members.
template <class Kind>
bool same_members(const Kind& x, const Kind& y) {
  if constexpr (std::is_empty_v<Kind>) {
    return true;
  } else if constexpr (requires { Kind{Anything(), Anything(), Anything(), Anything(), Anything(), Anything()}; }) {
    const auto& [a, b, c, d, e, f] = x;
    const auto& [g, h, i, j, k, l] = y;
    return same(a, g) && same(b, h) && same(c, i) && same(d, j) && same(e, k) && same(f, l);
  } else if constexpr (requires { Kind{Anything(), Anything(), Anything(), Anything(), Anything()}; }) {
    const auto& [a, b, c, d, e] = x;
    const auto& [f, g, h, i, j] = y;
    return same(a, f) && same(b, g) && same(c, h) && same(d, i) && same(e, j);
  } else if constexpr (requires { Kind{Anything(), Anything(), Anything(), Anything()}; }) {
    const auto& [a, b, c, d] = x;
    const auto& [e, f, g, h] = y;
    return same(a, e) && same(b, f) && same(c, g) && same(d, h);
  } else if constexpr (requires { Kind{Anything(), Anything(), Anything()}; }) {
    const auto& [a, b, c] = x;
    const auto& [d, e, f] = y;
    return same(a, d) && same(b, e) && same(c, f);
  } else if constexpr (requires { Kind{Anything(), Anything()}; }) {
    const auto& [a, b] = x;
    const auto& [c, d] = y;
    return same(a, c) && same(b, d);
  } else {
    const auto& [a] = x;
    const auto& [b] = y;
    return same(a, b);
  }
}

TEST(EventText, is_one_line_that_holds_all_of_the_event) {
  for (const Event& event : examples()) {
    const std::string text = to_string(event);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    const Event read = parse_event(text);
    ASSERT_EQ(read.index(), event.index()) << text;
    EXPECT_TRUE(std::visit(
        [&](const auto& one) { return same_members(one, std::get<std::decay_t<decltype(one)>>(read)); }, event))
        << text << '\n'
        << to_string(read);
  }
}

TEST(EventText, is_for_people_to_read) {
  const WorkerId id{7};
  EXPECT_EQ(to_string(event::Start{}), "start");
  EXPECT_EQ(to_string(event::WorkerReady{id}), "worker-ready 7");
  EXPECT_EQ(to_string(event::WorkerWatchdogTimeout{id, milliseconds(1500)}), "worker-watchdog-timeout 7: 1.5s");
  EXPECT_EQ(to_string(event::WorkersUnheard{{id, WorkerId{8}}}), "workers-unheard 7 8");
  EXPECT_EQ(to_string(event::WorkerMeasured{id, 3, std::nullopt}), "worker-measured 7: requests 3");
  EXPECT_EQ(to_string(event::WorkerMeasured{id, 3, 4096}), "worker-measured 7: requests 3, memory 4096");
  EXPECT_EQ(to_string(event::WorkerExited{id, 4711, {ExitStatus::Kind::signaled, SIGKILL, {}}, true, true}),
            "worker-exited 7 (pid 4711): signal 9 (SIGKILL), oom, remains");
  EXPECT_EQ(to_string(event::LaunchFailed{id, os_failure(EAGAIN).value()}),
            "launch-failed 7: Resource temporarily unavailable (EAGAIN)");
  EXPECT_EQ(to_string(event::Kill{2, SIGUSR1}), "kill 2 SIGUSR1");
  EXPECT_EQ(to_string(event::StopNow{}), "stop-now");
  EXPECT_EQ(
      to_string(event::Reload{std::make_shared<const PoolConfig>(unusual_config())}),
      "reload workers.initial=4 workers.min=2 workers.max=9 ready=exec start_timeout=1h30min1ms "
      "drain_timeout=1.5s hang_timeout=700ms stop=mixed stop_signal=SIGRTMIN+3 restart.delay=1ms restart.max_delay=2ms "
      "restart.forget_after=3ms restart.never=7,78 recycle.requests=1000 recycle.age=1d6h "
      "recycle.memory=1000000 recycle.jitter=29% recycle.at_most=3 reload.max_surge=70% "
      "reload.max_unavailable=2 reload.soak=4ms reload.max_draining=5");
}

TEST(EventText, is_refused_if_it_is_not_an_events) {
  for (const char* const text : {"", "strat", "start 7", "worker-ready", "worker-ready x", "worker-exited 7: signal 9",
                                 "kill 2", "reload workers=3", "reload workers.max=3x", "reload ready=x"}) {
    EXPECT_THROW(static_cast<void>(parse_event(text)), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace preforkd
