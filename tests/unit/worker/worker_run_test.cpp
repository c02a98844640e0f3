// SPDX-License-Identifier: MIT
// The worker contract as seen by the worker: sockets, environment, lifeline, notifications, counters, signals, exit
// statuses.
#include "worker/worker_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/un.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "unit/worker/server_process.hpp"
#include "unit/worker/server_thread.hpp"
#include "wire/control_channel.hpp"

namespace prefork::test {
namespace {

using testing::HasSubstr;

void echo(Server& server) {
  server.on_message([](Connection& c, std::string_view line) { c.send({"received: ", line}); });
}

// The socket that NOTIFY_SOCKET names.
class NotifySocket {
 public:
  NotifySocket() : name_("@prefork-worker-run-test-" + std::to_string(::getpid())) {
    fd_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const preforkd::Address address = preforkd::parse_address(name_).value();
    if (::bind(fd_.get(), address.get(), address.length) != 0) throw std::runtime_error("bind");
  }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  std::string next() {
    if (!wait_for(fd_.get(), POLLIN)) return "<nothing>";
    char buffer[4096];
    const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    return {buffer, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }
  // The next datagram with `text` in it.
  std::string next_with(const std::string& text) {
    for (;;) {
      std::string datagram = next();
      if (datagram.find(text) != std::string::npos || datagram == "<nothing>") return datagram;
    }
  }

 private:
  std::string name_;
  preforkd::UniqueFd fd_;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

using Environment = std::vector<std::pair<std::string, std::string>>;
const Environment pool_member{{"PREFORK_POOL", "echo"}, {"PREFORK_WORKER", "1"}, {"PREFORK_GENERATION", "7"}};

TEST(WorkerRunTest, tells_ready_connections_and_stopping) {
  const Listener listener;
  NotifySocket notify;
  ServerProcess worker(Start{{listener.fd.get()}, {{"NOTIFY_SOCKET", notify.name()}}, echo, {}});
  const std::string ready = notify.next();
  EXPECT_THAT(ready, HasSubstr("READY=1"));
  EXPECT_THAT(ready, HasSubstr("STATUS=0 connections"));
  TestClient client(listener.address);
  EXPECT_THAT(notify.next(), HasSubstr("STATUS=1 connection"));
  worker.signal(SIGTERM);
  EXPECT_THAT(notify.next(), HasSubstr("STOPPING=1"));
  EXPECT_EQ(worker.wait(), 0);
}

TEST(WorkerRunTest, a_flood_of_connections_is_told_once_a_second) {
  const Listener listener;
  NotifySocket notify;
  ServerProcess worker(Start{{listener.fd.get()}, {{"NOTIFY_SOCKET", notify.name()}}, echo, {}});
  EXPECT_THAT(notify.next(), HasSubstr("READY=1"));
  std::vector<TestClient> clients;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) {
    clients.emplace_back(listener.address);
    clients.back().send("x\n");
    clients.back().line();
  }
  EXPECT_THAT(notify.next(), HasSubstr("STATUS=100 connections"));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
}

TEST(WorkerRunTest, ready_comes_after_on_worker_start_and_with_the_sockets_served) {
  const Listener listener;
  NotifySocket notify;
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const preforkd::UniqueFd read_end(ends[0]);
  preforkd::UniqueFd write_end(ends[1]);
  ServerProcess worker(Start{{listener.fd.get()},
                             {{"NOTIFY_SOCKET", notify.name()}},
                             [&](Server& s) {
                               s.on_worker_start([&] {
                                 char byte = 0;
                                 ASSERT_EQ(::read(ends[0], &byte, 1), 1);
                               });
                             },
                             {}});
  EXPECT_FALSE(wait_for(notify.fd(), POLLIN, std::chrono::milliseconds(50)));
  ASSERT_EQ(::write(write_end.get(), "x", 1), 1);
  EXPECT_THAT(notify.next(), HasSubstr("READY=1"));
}

TEST(WorkerRunTest, feeds_the_watchdog_at_half_its_interval) {
  const Listener listener;
  NotifySocket notify;
  ServerProcess worker(
      Start{{listener.fd.get()}, {{"NOTIFY_SOCKET", notify.name()}, {"WATCHDOG_USEC", "100000"}}, echo, [] {
              ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
            }});
  EXPECT_THAT(notify.next(), HasSubstr("READY=1"));
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) EXPECT_THAT(notify.next(), HasSubstr("WATCHDOG=1"));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(100));
}

TEST(WorkerRunTest, an_idle_worker_does_not_wake_up) {
  const Listener listener;
  ServerProcess worker(Start{{listener.fd.get()}, pool_member, echo, {}});
  TestClient client(listener.address);
  client.send("x\n");
  EXPECT_EQ(client.line(), "received: x");
  // The title and the status are updated once per second, so a second passes first.
  EXPECT_FALSE(wait_for(client.fd(), POLLIN, std::chrono::milliseconds(1200)));
  const long before = worker.waits();
  EXPECT_FALSE(wait_for(client.fd(), POLLIN, std::chrono::milliseconds(600)));
  EXPECT_EQ(worker.waits(), before);
}

TEST(WorkerRunTest, the_end_of_the_master_is_a_reason_to_leave_after_the_request_in_hand) {
  const Listener listener;
  auto channel = preforkd::ControlChannel::open().value();
  Output output;
  Environment environment = pool_member;
  environment.emplace_back("PREFORK_CONTROL_FD", std::to_string(channel.worker_end.get()));
  ServerProcess worker(Start{{listener.fd.get()},
                             environment,
                             [](Server& s) {
                               auto held = std::make_shared<std::vector<Reply>>();
                               s.on_message([held](Connection& c, std::string_view) {
                                 held->push_back(c.defer());
                                 c.send("asked");
                               });
                               s.on_leave([held, &s] {
                                 s.after(std::chrono::milliseconds(20), [held] { held->front().send("answered"); });
                               });
                             },
                             [&] {
                               output.become_stderr();
                               channel.master_end.reset();
                             }});
  TestClient idle(listener.address);
  TestClient client(listener.address);
  client.send("question\n");
  EXPECT_EQ(client.line(), "asked");
  channel.worker_end.reset();
  EXPECT_TRUE(idle.silent());
  channel.master_end.reset();
  EXPECT_EQ(idle.rest(), "<eof>");
  EXPECT_EQ(client.rest(), "answered\n<eof>");
  EXPECT_EQ(worker.wait(), 0);
  EXPECT_THAT(output.text(), HasSubstr("the master is gone"));
}

// The reply is never sent, and there is no master that would kill the worker. The connection is closed without the
// reply.
TEST(WorkerRunTest, without_a_master_a_drain_ends_after_the_time_that_the_master_gave) {
  for (const bool drains_already : {false, true}) {
    const Listener listener;
    auto channel = preforkd::ControlChannel::open().value();
    Environment environment = pool_member;
    environment.emplace_back("PREFORK_CONTROL_FD", std::to_string(channel.worker_end.get()));
    environment.emplace_back("PREFORK_DRAIN_USEC", "50000");
    ServerProcess worker(Start{{listener.fd.get()},
                               environment,
                               [](Server& s) {
                                 auto held = std::make_shared<std::vector<Reply>>();
                                 s.on_message([held](Connection& c, std::string_view) {
                                   held->push_back(c.defer());
                                   c.send("asked");
                                 });
                               },
                               [&] { channel.master_end.reset(); }});
    TestClient idle(listener.address);
    TestClient client(listener.address);
    client.send("question\n");
    EXPECT_EQ(client.line(), "asked");
    channel.worker_end.reset();
    if (drains_already) {
      ::kill(worker.pid(), SIGTERM);
      EXPECT_EQ(idle.rest(), "<eof>");
    }
    channel.master_end.reset();
    EXPECT_EQ(worker.wait(), 0);
  }
}

TEST(WorkerRunTest, holding_the_lifeline_it_needs_no_parent_death_signal) {
  const Listener listener;
  auto channel = preforkd::ControlChannel::open().value();
  ServerProcess worker(Start{{listener.fd.get()},
                             {{"PREFORK_CONTROL_FD", std::to_string(channel.worker_end.get())}},
                             [](Server& s) {
                               s.on_message([](Connection& c, std::string_view) {
                                 int signal = -1;
                                 ::prctl(PR_GET_PDEATHSIG, &signal);
                                 c.send(std::to_string(signal));
                               });
                             },
                             [] { ::prctl(PR_SET_PDEATHSIG, SIGTERM); }});
  TestClient client(listener.address);
  client.send("?\n");
  EXPECT_EQ(client.line(), "0");
}

TEST(WorkerRunTest, its_children_inherit_neither_the_contract_nor_its_descriptors) {
  const Listener listener;
  auto channel = preforkd::ControlChannel::open().value();
  const preforkd::UniqueFd stats = preforkd::make_stats_memfd("test").value();
  NotifySocket notify;
  Environment environment = pool_member;
  environment.emplace_back("PREFORK_CONTROL_FD", std::to_string(channel.worker_end.get()));
  environment.emplace_back("PREFORK_STATS_FD", std::to_string(stats.get()));
  environment.emplace_back("NOTIFY_SOCKET", notify.name());
  environment.emplace_back("PREFORK_SETTINGS", "{}");
  ServerProcess worker(Start{{listener.fd.get()},
                             environment,
                             [](Server& s) {
                               s.on_message([](Connection& c, std::string_view) {
                                 FILE* const child =
                                     ::popen("env; for f in /proc/self/fd/*; do readlink $f; done", "re");
                                 std::string text;
                                 for (int ch = 0; (ch = std::fgetc(child)) != EOF;) text += static_cast<char>(ch);
                                 ::pclose(child);
                                 c.send_raw(text);
                                 c.close_after_flush();
                               });
                             },
                             [&] {
                               // As exec would: the control and stats descriptors arrive without CLOEXEC.
                               ::fcntl(channel.worker_end.get(), F_SETFD, 0);
                               ::fcntl(stats.get(), F_SETFD, 0);
                             }});
  TestClient client(listener.address);
  client.send("x\n");
  const std::string seen = client.rest();
  EXPECT_THAT(seen, HasSubstr("PATH="));
  for (const char* variable : {"LISTEN_", "NOTIFY_SOCKET", "PREFORK_"})
    EXPECT_THAT(seen, testing::Not(HasSubstr(variable)));
  EXPECT_THAT(seen, testing::Not(HasSubstr("socket:")));
  EXPECT_THAT(seen, testing::Not(HasSubstr("memfd:")));
}

TEST(WorkerRunTest, counts_into_the_stats_page) {
  const Listener listener;
  const preforkd::UniqueFd stats = preforkd::make_stats_memfd("test").value();
  const auto page = preforkd::StatsMapping::map(stats.get(), false).value();
  ServerProcess worker(Start{{listener.fd.get()}, {{"PREFORK_STATS_FD", std::to_string(stats.get())}}, echo, {}});
  TestClient client(listener.address);
  client.send("one\ntwo\n");
  EXPECT_EQ(client.line(), "received: one");
  EXPECT_EQ(client.line(), "received: two");
  EXPECT_EQ(page->layout, preforkd::StatsPage::layout_version);
  EXPECT_EQ(page->connections, 1U);
  EXPECT_EQ(page->connections_total, 1U);
  EXPECT_EQ(page->requests_total, 2U);
  EXPECT_EQ(page->bytes_in, 8U);
  client.close();
  EXPECT_EQ(worker.terminate(), 0);
  EXPECT_EQ(page->bytes_out, 28U);  // may be counted after the client has the reply
  EXPECT_EQ(page->connections, 0U);
  EXPECT_EQ(page->closes_by_reason[static_cast<std::size_t>(CloseReason::peer_closed)], 1U);
}

TEST(WorkerRunTest, counters_of_the_application_grow_in_the_stats_page_from_any_thread) {
  const Listener listener;
  const preforkd::UniqueFd stats = preforkd::make_stats_memfd("test").value();
  const auto page = preforkd::StatsMapping::map(stats.get(), false).value();
  constexpr std::uint64_t each = 10'000;
  const auto count_in_threads = [](Server& server) {
    const Counter jobs = server.counter("jobs_done");
    const CloseReason quota = server.close_reason("quota-exceeded");
    server.on_message([jobs, quota](Connection& c, std::string_view) {
      const auto add = [jobs] {
        for (std::uint64_t i = 0; i < each; ++i) jobs.add();
      };
      std::thread first(add);
      std::thread second(add);
      first.join();
      second.join();
      Counter().add();  // does nothing
      c.close(quota);
    });
  };
  ServerProcess worker(
      Start{{listener.fd.get()}, {{"PREFORK_STATS_FD", std::to_string(stats.get())}}, count_in_threads, {}});
  TestClient client(listener.address);
  client.send("x\n");
  EXPECT_EQ(client.rest(), "<eof>");
  EXPECT_EQ(worker.terminate(), 0);
  EXPECT_EQ(page->application.front().read_name(), "jobs_done");
  EXPECT_EQ(page->application.front().value, 2 * each);
  EXPECT_EQ(page->own_closes.front().read_name(), "quota-exceeded");
  EXPECT_EQ(page->own_closes.front().value, 1U);
}

TEST(WorkerRunTest, its_title_tells_pool_slot_state_and_connections) {
  const Listener listener;
  ServerProcess worker(Start{{listener.fd.get()}, pool_member, echo, {}});
  TestClient client(listener.address);
  client.send("x\n");
  client.line();
  const std::string proc = "/proc/" + std::to_string(worker.pid());
  EXPECT_THAT(read_file(proc + "/cmdline"), testing::ContainsRegex("echo\\[1\\] ready, . connection"));
  EXPECT_EQ(read_file(proc + "/comm"), "echo[1]\n");
}

TEST(WorkerRunTest, knows_its_place_in_the_pool) {
  const Listener listener;
  ServerProcess worker(Start{{listener.fd.get()},
                             pool_member,
                             [](Server& s) {
                               s.on_message([&s](Connection& c, std::string_view) {
                                 const WorkerIdentity& me = s.worker();
                                 c.send({me.pool, " ", std::to_string(me.slot), " ", std::to_string(me.generation)});
                               });
                             },
                             {}});
  TestClient client(listener.address);
  client.send("who\n");
  EXPECT_EQ(client.line(), "echo 1 7");
}

TEST(WorkerRunTest, settings_override_the_programs_limits) {
  const Listener listener;
  ServerProcess worker(Start{{listener.fd.get()}, {{"PREFORK_SETTINGS", R"({"max_message": "10B"})"}}, echo, {}});
  TestClient client(listener.address);
  client.send("0123456789\n0123456789a\n");
  EXPECT_EQ(client.rest(), "received: 0123456789\n<eof>");
}

TEST(WorkerRunTest, term_drains_and_a_second_one_ends_at_once) {
  const Listener listener;
  NotifySocket notify;
  ServerProcess worker(Start{{listener.fd.get()},
                             {{"NOTIFY_SOCKET", notify.name()}},
                             [](Server& s) {
                               auto held = std::make_shared<std::vector<Reply>>();
                               s.on_message([held](Connection& c, std::string_view) {
                                 held->push_back(c.defer());
                                 c.send("held");
                               });
                             },
                             {}});
  TestClient client(listener.address);
  client.send("x\n");
  EXPECT_EQ(client.line(), "held");
  worker.signal(SIGTERM);
  EXPECT_THAT(notify.next_with("STOPPING"), HasSubstr("STOPPING=1"));
  EXPECT_TRUE(client.silent());
  worker.signal(SIGINT);
  EXPECT_EQ(client.rest(), "<eof>");
  EXPECT_EQ(worker.wait(), 0);
}

// A worker of a pool, as its master starts it, which keeps idle connections while it drains.
struct PooledWorker {
  Listener listener;
  NotifySocket notify;
  preforkd::ControlChannel channel = preforkd::ControlChannel::open().value();
  ServerProcess process{
      Start{{listener.fd.get()},
            {{"NOTIFY_SOCKET", notify.name()}, {"PREFORK_CONTROL_FD", std::to_string(channel.worker_end.get())}},
            [](Server& s) {
              Limits limits;
              limits.drain_idle(DrainIdle::keep);
              s.limits(limits);
              echo(s);
            },
            [this] { channel.master_end.reset(); }}};
  TestClient client{listener.address};

  void echoes() {
    client.send("x\n");
    EXPECT_EQ(client.line(), "received: x");
  }
  void told_to_drain() {
    process.signal(SIGTERM);
    EXPECT_THAT(notify.next_with("STOPPING"), HasSubstr("STOPPING=1"));
  }
};

TEST(WorkerRunTest, in_a_pool_a_second_term_closes_no_connection) {
  PooledWorker worker;
  worker.echoes();
  worker.told_to_drain();
  worker.process.signal(SIGTERM);
  worker.process.signal(SIGINT);
  // The signals are seen in the turn of the first line at the latest, and would close the connection at its end.
  worker.echoes();
  worker.echoes();
  worker.channel.master_end.reset();
  EXPECT_EQ(worker.client.rest(), "<eof>");
  EXPECT_EQ(worker.process.wait(), 0);
}

TEST(WorkerRunTest, without_a_master_a_drain_still_keeps_idle_connections) {
  PooledWorker worker;
  worker.echoes();
  worker.told_to_drain();
  worker.echoes();
  worker.channel.master_end.reset();
  // It is seen in the turn of the first line at the latest.
  worker.echoes();
  worker.echoes();
  worker.client.close();
  EXPECT_EQ(worker.process.wait(), 0);
}

TEST(WorkerRunTest, several_sockets_are_served) {
  const Listener tcp;
  const Listener unix_socket("@prefork-worker-run-" + std::to_string(::getpid()));
  ServerProcess worker(Start{{tcp.fd.get(), unix_socket.fd.get()}, {{"LISTEN_FDNAMES", "tcp:local"}}, echo, {}});
  for (const std::string& address : {tcp.address, unix_socket.address}) {
    TestClient client(address);
    client.send("x\n");
    EXPECT_EQ(client.line(), "received: x") << address;
  }
}

TEST(WorkerRunTest, sockets_of_the_environment_win_over_listen) {
  const Listener listener;
  ServerProcess worker(Start{{listener.fd.get()},
                             {},
                             [](Server& s) {
                               echo(s);
                               s.listen("256.1.1.1:nonsense");
                             },
                             {}});
  TestClient client(listener.address);
  client.send("x\n");
  EXPECT_EQ(client.line(), "received: x");
}

// Starts a server that can't start; returns its exit status and stderr.
std::pair<int, std::string> refused(Start start) {
  Output output;
  start.before = [&output, before = start.before] {
    output.become_stderr();
    if (before) before();
  };
  ServerProcess worker(start);
  const int status = worker.wait();
  return {status, output.text()};
}

TEST(WorkerRunTest, without_a_socket_it_says_what_to_do) {
  const auto [status, text] = refused(Start{{}, {}, echo, {}});
  EXPECT_EQ(status, 69);
  EXPECT_THAT(text, HasSubstr("no socket to serve"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(WorkerRunTest, a_connected_socket_of_an_accept_unit_is_refused_with_a_hint) {
  const Listener listener;
  TestClient client(listener.address);
  const preforkd::UniqueFd accepted(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const auto [status, text] = refused(Start{{accepted.get()}, {}, echo, {}});
  EXPECT_EQ(status, 69);
  EXPECT_THAT(text, HasSubstr("inherited descriptor 3"));
  EXPECT_THAT(text, HasSubstr("Accept=no"));
}

TEST(WorkerRunTest, a_second_run_does_not_take_what_has_the_number_of_an_inherited_socket_now) {
  const Listener listener;
  std::optional<Listener> other;
  const auto [status, text] = refused(Start{{listener.fd.get()},
                                            {},
                                            [&](Server& s) {
                                              s.stop();
                                              EXPECT_EQ(s.run(), 0);
                                              other.emplace();
                                              EXPECT_EQ(other->fd.get(), 3);
                                              s.stop();
                                            },
                                            {}});
  EXPECT_EQ(status, 69);
  EXPECT_THAT(text, HasSubstr("cannot run again: the sockets of the environment were closed"));
}

TEST(WorkerRunTest, an_address_that_is_taken_is_refused) {
  const Listener listener;
  const auto [status, text] = refused(Start{{}, {}, [&](Server& s) { s.listen(listener.address); }, {}});
  EXPECT_EQ(status, 69);
  EXPECT_THAT(text, HasSubstr(listener.address));
  EXPECT_THAT(text, HasSubstr("EADDRINUSE"));
}

TEST(WorkerRunTest, too_few_descriptors_are_named_with_the_number_that_is_needed) {
  const Listener listener;
  const auto [status, text] = refused(Start{{listener.fd.get()},
                                            {},
                                            [](Server& s) {
                                              const rlimit few{500, 500};
                                              ::setrlimit(RLIMIT_NOFILE, &few);
                                              s.limits(Limits().max_connections(20));
                                              s.stop();
                                            },
                                            {}});
  EXPECT_EQ(status, 0);
  EXPECT_THAT(text, HasSubstr("max_connections is 20 and needs up to 1172 descriptors, but only 500 are allowed"));
}

TEST(WorkerRunTest, bad_settings_are_named) {
  const Listener listener;
  const auto [status, text] = refused(
      Start{{listener.fd.get()}, {{"PREFORK_SETTINGS", R"({"max_mesage": "1K", "idle_timeout": "5"})"}}, echo, {}});
  EXPECT_EQ(status, 78);
  EXPECT_THAT(text, HasSubstr("max_mesage"));
  EXPECT_THAT(text, HasSubstr("idle_timeout"));
}

TEST(WorkerRunTest, bad_limits_of_a_service_are_named) {
  const auto [status, text] =
      refused(Start{{},
                    {},
                    [](Server& s) {
                      s.service("admin").listen("127.0.0.1:0").limits(Limits().max_connections(0).max_output(SIZE_MAX));
                    },
                    {}});
  EXPECT_EQ(status, 78);
  EXPECT_THAT(text, HasSubstr("Service::limits() of \"admin\": max_connections: 0: must be from 1 to 1000000"));
  EXPECT_THAT(text, HasSubstr("max_output"));
}

TEST(WorkerRunTest, a_start_that_fails_leaves_no_connections_to_find) {
  Server server;
  server.listen("127.0.0.1:0");
  static_cast<void>(server.service("nowhere"));
  EXPECT_EQ(server.run(), 69);
  EXPECT_EQ(internal::ConnectionTable::current(), nullptr);
}

TEST(WorkerRunTest, a_malformed_contract_is_named) {
  const Listener listener;
  const auto [status, text] = refused(Start{{listener.fd.get()}, {{"PREFORK_STATS_FD", "seven"}}, echo, {}});
  EXPECT_EQ(status, 78);
  EXPECT_THAT(text, HasSubstr("PREFORK_STATS_FD"));
}

TEST(WorkerRunTest, a_stats_descriptor_that_is_none_is_refused) {
  const Listener listener;
  const auto [status, text] = refused(Start{{listener.fd.get()}, {{"PREFORK_STATS_FD", "0"}}, echo, {}});
  EXPECT_EQ(status, 71);
  EXPECT_THAT(text, HasSubstr("PREFORK_STATS_FD"));
}

// Closes the first descriptor of this process that is an epoll.
void break_loop() {
  for (int fd = 3; fd < 256; ++fd) {
    char target[64] = "";
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    if (::readlink(link.c_str(), target, sizeof target - 1) < 0) continue;
    if (std::string_view(target) != "anon_inode:[eventpoll]") continue;
    ::close(fd);
    return;
  }
}

TEST(WorkerRunTest, a_loop_that_fails_ends_the_worker_cleanly) {
  const Listener listener;
  Output output;
  ServerProcess worker(Start{{listener.fd.get()},
                             {},
                             [](Server& s) {
                               s.on_message([&s](Connection&, std::string_view) { s.post(break_loop); });
                               s.on_close([](Connection&, CloseReason why) {
                                 ::dprintf(STDERR_FILENO, "closed: %s\n", std::string(to_string(why)).c_str());
                               });
                               s.on_worker_stop([] { ::dprintf(STDERR_FILENO, "stopped\n"); });
                             },
                             [&] { output.become_stderr(); }});
  TestClient client(listener.address);
  client.send("x\n");
  EXPECT_EQ(client.rest(), "<eof>");
  EXPECT_EQ(worker.wait(), 1);
  const std::string text = output.text();
  EXPECT_THAT(text, HasSubstr("worker ends: epoll_wait"));
  EXPECT_THAT(text, HasSubstr("closed: handler-failed\nstopped\n"));
}

TEST(WorkerRunTest, on_worker_stop_that_throws_is_a_failure) {
  const Listener listener;
  Output output;
  ServerProcess worker(Start{{listener.fd.get()},
                             {},
                             [](Server& s) {
                               s.on_leave([] { throw std::runtime_error("not told"); });
                               s.on_worker_stop([] { throw std::runtime_error("not saved"); });
                               s.on_error([](const std::exception_ptr&) { ::dprintf(STDERR_FILENO, "told\n"); });
                               s.stop();
                             },
                             [&] { output.become_stderr(); }});
  EXPECT_EQ(worker.wait(), 1);
  EXPECT_THAT(output.text(),
              testing::MatchesRegex("[^\n]*on_leave: not told\ntold\n[^\n]*on_worker_stop: not saved\ntold\n"));
}

TEST(WorkerRunTest, on_worker_start_that_throws_is_a_failed_start) {
  const Listener listener;
  const auto [status, text] =
      refused(Start{{listener.fd.get()},
                    {},
                    [](Server& s) { s.on_worker_start([] { throw std::runtime_error("no database"); }); },
                    {}});
  EXPECT_EQ(status, 1);
  EXPECT_THAT(text, HasSubstr("no database"));
}

// Signals that operators and logrotate send to servers must not end a worker's connections.
TEST(WorkerRunTest, signals_that_tell_servers_to_reload_end_no_worker) {
  const Listener listener;
  ServerProcess worker(Start{{listener.fd.get()}, {}, echo, {}});
  TestClient client(listener.address);
  client.send("hello\n");
  EXPECT_EQ(client.line(), "received: hello");
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2}) {
    worker.signal(signal);
    client.send("again\n");
    EXPECT_EQ(client.line(), "received: again");
  }
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(), 0);
}

TEST(WorkerRunTest, a_handler_of_the_application_stays) {
  const Listener listener;
  ServerProcess worker(Start{{listener.fd.get()},
                             {},
                             [](Server& server) {
                               struct sigaction own {};
                               own.sa_handler = [](int) { ::_exit(7); };
                               ::sigaction(SIGHUP, &own, nullptr);
                               echo(server);
                             },
                             {}});
  TestClient client(listener.address);
  client.send("hello\n");
  EXPECT_EQ(client.line(), "received: hello");
  worker.signal(SIGHUP);
  EXPECT_EQ(worker.wait(), 7);
}

}  // namespace
}  // namespace prefork::test
