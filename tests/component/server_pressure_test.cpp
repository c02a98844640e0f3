// SPDX-License-Identifier: MIT
// Slow, silent, greedy and many clients do not affect other clients.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "base/sanitized.hpp"
#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"
#include "support/temp_dir.hpp"

namespace preforkd::component {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

Master start_echo(unsigned workers, const std::vector<std::string>& settings = {}) {
  Master::Options options;
  options.workers = workers;
  for (const std::string& setting : settings)
    options.arguments.insert(options.arguments.end(), {"--set", "settings." + setting});
  return Master({binaries::prefork_echo}, options);
}

// Sends lines until the server stops reading, as it must if the client does not read the replies. Returns the number
// of lines.
std::size_t send_until_pushed_back(Client& client, const std::string& line, std::size_t most) {
  std::size_t sent = 0;
  while (sent < most * line.size()) {
    const std::size_t offset = sent % line.size();
    sent += client.send_some(std::string_view(line).substr(offset));
    if (!wait_ready(client.fd(), POLLOUT, milliseconds(200))) break;
  }
  return sent / line.size() + (sent % line.size() != 0 ? 1 : 0);
}

long resident_kib(pid_t pid) { return std::stol(status_field(pid, "VmRSS")); }

// The CPU time of a process so far, in clock ticks.
long processor_ticks(pid_t pid) {
  const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  long user = 0;
  long system = 0;
  fields >> user >> system;
  return user + system;
}

TEST(Pressure, a_client_that_does_not_read_is_pushed_back_and_loses_nothing) {
  const Master master = start_echo(1);
  master.wait_ready();
  Client::Options small;
  small.receive_buffer = 4096;
  Client slow(master.address(), small);
  const long before = resident_kib(master.worker(0));
  const std::string line(1000, 'x');
  constexpr std::size_t most = 200000;  // 200 MB: far more than all buffers on the way
  const std::size_t lines = send_until_pushed_back(slow, line + "\n", most);
  ASSERT_LT(lines, most) << "the server read everything although its replies were not read";
  EXPECT_LT(resident_kib(master.worker(0)) - before, 20000);
  EXPECT_EQ(Client(master.address()).ask("others are served"), "received: others are served");
  slow.shutdown_write();
  const std::string answer = "received: " + line;
  for (std::size_t i = 0; i + 1 < lines; ++i) ASSERT_EQ(slow.read_line(), answer) << "answer " << i << " of " << lines;
}

TEST(Pressure, the_beginning_of_a_message_does_not_hold_the_memory_of_a_large_one_before_it) {
  if (is_sanitized) GTEST_SKIP() << "a sanitizer does not give freed memory back";
  const Master master = start_echo(1, {"max_message=1M", "max_input_memory=1M"});
  master.wait_ready();
  const long before = resident_kib(master.worker(0));
  const std::string line(1000000, 'x');
  std::vector<Client> clients;
  for (int i = 0; i < 80; ++i) {
    clients.emplace_back(master.address()).send(line + "\nbegin");
    ASSERT_EQ(clients.back().read_line(), "received: " + line);
  }
  EXPECT_LT(resident_kib(master.worker(0)) - before, 20000);
  for (Client& client : clients) EXPECT_EQ(client.ask("ning"), "received: beginning");
}

TEST(Pressure, a_client_that_never_reads_is_closed_after_the_write_timeout) {
  const Master master = start_echo(1, {"write_timeout=300ms"});
  master.wait_ready();
  Client::Options small;
  small.receive_buffer = 4096;
  Client stuck(master.address(), small);
  try {
    send_until_pushed_back(stuck, std::string(1000, 'x') + "\n", 200000);
  } catch (const HarnessError&) {
    // On a busy machine the timeout may pass before the last byte is sent.
  }
  EXPECT_THAT(master.log().wait_for(" closed: "), HasSubstr("write-timeout"));
}

TEST(Pressure, a_client_that_trickles_bytes_is_closed_after_the_message_timeout) {
  const Master master = start_echo(1, {"message_timeout=300ms"});
  master.wait_ready();
  Client trickler(master.address());
  const Deadline deadline;
  // Each byte arrives within the idle timeout: only the timeout since the first byte of the message can end this.
  while (!deadline.passed() && !wait_ready(trickler.fd(), POLLIN, milliseconds(20))) trickler.send("x");
  EXPECT_TRUE(trickler.wait_closed());
  EXPECT_THAT(master.log().wait_for(" closed: "), HasSubstr("message-timeout"));
}

TEST(Pressure, a_client_that_says_nothing_is_closed_after_the_idle_timeout) {
  const Master master = start_echo(1, {"idle_timeout=200ms"});
  master.wait_ready();
  Client silent(master.address());
  EXPECT_TRUE(silent.wait_closed());
  EXPECT_THAT(master.log().wait_for(" closed: "), HasSubstr("idle-timeout"));
}

TEST(Pressure, a_client_that_goes_on_talking_is_not_idle) {
  const Master master = start_echo(1, {"idle_timeout=3s"});
  master.wait_ready();
  Client busy(master.address());
  const Client silent(master.address());
  // Until the silent one, which came later, is closed.
  while (!wait_ready(silent.fd(), POLLIN, milliseconds(50))) EXPECT_EQ(busy.ask("busy"), "received: busy");
  EXPECT_EQ(busy.ask("still here"), "received: still here");
}

TEST(Pressure, at_max_connections_the_next_client_waits_for_a_place) {
  const Master master = start_echo(1, {"max_connections=2"});
  master.wait_ready();
  Client first(master.address());
  Client second(master.address());
  EXPECT_EQ(first.ask("1"), "received: 1");
  EXPECT_EQ(second.ask("2"), "received: 2");
  Client third(master.address());
  third.send("3\n");
  EXPECT_FALSE(wait_ready(third.fd(), POLLIN, milliseconds(100)));
  first.close();
  EXPECT_EQ(third.read_line(), "received: 3");
}

TEST(Pressure, at_max_connections_other_workers_take_over) {
  const Master master = start_echo(3, {"max_connections=2"});
  master.wait_ready();
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back(master.address());
    EXPECT_EQ(clients.back().ask("hello"), "received: hello");
  }
}

TEST(Pressure, a_worker_without_free_descriptors_neither_spins_nor_stops) {
  const Master master = start_echo(1);
  master.wait_ready();
  const pid_t worker = master.worker(0);
  const auto open_now = static_cast<rlim_t>(descriptors_of(worker).rbegin()->first + 1);
  const rlimit limit{open_now + 4, open_now + 4};
  ASSERT_EQ(::prlimit(worker, RLIMIT_NOFILE, &limit, nullptr), 0);
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(master.address());
  EXPECT_EQ(clients.front().ask("early"), "received: early");
  const long before = processor_ticks(worker);
  EXPECT_FALSE(wait_ready(clients.front().fd(), POLLIN, milliseconds(500)));
  EXPECT_LT(processor_ticks(worker) - before, ::sysconf(_SC_CLK_TCK) / 4) << "the worker spins";
  for (Client& client : clients) client.close();
  const Deadline deadline;
  for (bool served = false; !served && !deadline.passed();) {
    try {
      served = Client(master.address()).ask("again") == "received: again";
    } catch (const HarnessError&) {
      continue;  // refused, or closed with those in the queue
    }
  }
  EXPECT_FALSE(deadline.passed());
}

class TenThousandConnections : public testing::Test {
 protected:
  static constexpr std::size_t count = 10000;

  void SetUp() override {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < count + 100)
      GTEST_SKIP() << "needs " << count + 100 << " descriptors, the limit is " << limit.rlim_cur;
  }
};

TEST_F(TenThousandConnections, are_all_held_served_and_spread_over_the_workers) {
  const Master master = start_echo(3, {"log_connections=false"});
  master.wait_ready();
  std::vector<Client> clients;
  clients.reserve(count);
  for (std::size_t i = 0; i < count; ++i) clients.emplace_back(master.address());
  for (Client& client : clients) client.send("hello\n");
  for (Client& client : clients) ASSERT_EQ(client.read_line(), "received: hello");

  const std::size_t mark = master.log().size();
  master.signal(SIGUSR1);
  EXPECT_THAT(master.log().wait_for("3/3 workers ready", mark), HasSubstr(std::to_string(count) + " connections"));
  const std::regex connections("worker \\d: pid .*, (\\d+) connections");
  std::size_t from = mark;
  for (unsigned slot = 0; slot < 3; ++slot) {
    const std::string line = master.log().wait_for("  worker " + std::to_string(slot) + ": pid ", from);
    std::smatch match;
    ASSERT_TRUE(std::regex_search(line, match, connections)) << line;
    EXPECT_GT(std::stoul(match[1]), count / 20) << line;
  }
  for (Client& client : clients) client.reset();  // leaves no port in TIME_WAIT
  EXPECT_EQ(Client(master.address()).ask("afterwards"), "received: afterwards");
}

}  // namespace
}  // namespace preforkd::component
