// SPDX-License-Identifier: MIT
// The echo service as a client sees it, in a pool.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"

namespace preforkd::component {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class EchoService : public testing::Test {
 protected:
  static Master::Options options() {
    Master::Options options;
    options.arguments = {"--set", "settings.max_message=1K", "--set", "settings.max_connections=20"};
    return options;
  }
  void SetUp() override { master_.wait_ready(); }

  Client connect() const { return Client(master_.address()); }
  // The reason that the log gives for the next close from byte `from` on.
  void expect_closed_with(const std::string& reason, std::size_t from) const {
    EXPECT_THAT(master_.log().wait_for(" closed: ", from), HasSubstr("closed: " + reason));
  }

  Master master_{{binaries::prefork_echo}, options()};
};

TEST_F(EchoService, a_line_is_answered) { EXPECT_EQ(connect().ask("hello"), "received: hello"); }

TEST_F(EchoService, an_empty_line_is_answered) { EXPECT_EQ(connect().ask(""), "received: "); }

TEST_F(EchoService, one_carriage_return_before_the_end_is_dropped) {
  Client client = connect();
  EXPECT_EQ(client.ask("telnet\r"), "received: telnet");
  EXPECT_EQ(client.ask("two\r\r"), "received: two\r");
  EXPECT_EQ(client.ask("in\rside"), "received: in\rside");
}

TEST_F(EchoService, many_lines_in_one_segment_are_answered_each_and_in_order) {
  Client client = connect();
  std::string lines;
  std::string answers;
  for (int i = 0; i < 1000; ++i) {
    lines += std::to_string(i) + "\n";
    answers += "received: " + std::to_string(i) + "\n";
  }
  client.send(lines);
  EXPECT_EQ(client.read_exactly(answers.size()), answers);
}

TEST_F(EchoService, a_line_split_over_segments_is_one_line) {
  Client client = connect();
  for (const char* part : {"a ", "sp", "lit", " line", "\n"}) client.send(part);
  EXPECT_EQ(client.read_line(), "received: a split line");
}

TEST_F(EchoService, binary_bytes_come_back_as_they_are) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    if (i != '\n') bytes += static_cast<char>(i);
  }
  EXPECT_EQ(connect().ask(bytes), "received: " + bytes);
}

TEST_F(EchoService, a_line_of_the_longest_allowed_length_is_answered) {
  const std::string line(1024, 'x');
  EXPECT_EQ(connect().ask(line), "received: " + line);
}

TEST_F(EchoService, a_longer_line_closes_the_connection_and_the_log_says_why) {
  Client client = connect();
  const std::size_t mark = master_.log().size();
  client.send(std::string(1025, 'x') + "\n");
  EXPECT_TRUE(client.wait_closed());
  expect_closed_with("message-too-long", mark);
}

TEST_F(EchoService, an_endless_line_closes_the_connection_before_its_end) {
  Client client = connect();
  client.send_some(std::string(1 << 20, 'x'));
  EXPECT_TRUE(client.wait_closed());
}

TEST_F(EchoService, quit_is_answered_then_the_server_closes) {
  Client client = connect();
  const std::size_t mark = master_.log().size();
  client.send("quit\n");
  EXPECT_EQ(client.read_to_end(), "received: quit\n");
  expect_closed_with("closed-by-server", mark);
}

TEST_F(EchoService, lines_after_quit_are_not_answered) {
  Client client = connect();
  client.send("before\nquit\nafter\n");
  EXPECT_EQ(client.read_to_end(), "received: before\nreceived: quit\n");
}

TEST_F(EchoService, a_half_close_after_whole_lines_still_gets_the_answers) {
  Client client = connect();
  const std::size_t mark = master_.log().size();
  client.send("one\ntwo\n");
  client.shutdown_write();
  EXPECT_EQ(client.read_to_end(), "received: one\nreceived: two\n");
  expect_closed_with("peer-closed", mark);
}

TEST_F(EchoService, a_half_close_in_a_line_answers_the_whole_ones_and_says_why_it_closed) {
  Client client = connect();
  const std::size_t mark = master_.log().size();
  client.send("whole\nunfinis");
  client.shutdown_write();
  EXPECT_EQ(client.read_to_end(), "received: whole\n");
  expect_closed_with("unfinished-message", mark);
}

TEST_F(EchoService, a_reset_is_logged_as_one) {
  Client client = connect();
  EXPECT_EQ(client.ask("hello"), "received: hello");
  const std::size_t mark = master_.log().size();
  client.reset();
  expect_closed_with("peer-reset", mark);
}

TEST_F(EchoService, connects_are_logged_with_the_peer) {
  const Client client = connect();
  EXPECT_THAT(master_.log().wait_for(" connected"), MatchesRegex("test\\[[0-2]\\]: 127.0.0.1:[0-9]+ connected"));
}

TEST_F(EchoService, the_title_tells_slot_state_and_connections) {
  const Client first = connect();
  EXPECT_TRUE(eventually([&] {
    for (unsigned slot = 0; slot < 3; ++slot) {
      if (title_of(master_.worker(slot)) == "prefork-echo: test[" + std::to_string(slot) + "] ready, 1 connection")
        return true;
    }
    return false;
  }));
}

TEST_F(EchoService, the_masters_table_tells_connections_and_requests) {
  Client client = connect();
  EXPECT_EQ(client.ask("one"), "received: one");
  EXPECT_EQ(client.ask("two"), "received: two");
  const std::size_t mark = master_.log().size();
  master_.signal(SIGUSR1);
  EXPECT_THAT(master_.log().wait_for("1 connection, 2 requests", mark), HasSubstr("worker "));
  EXPECT_THAT(master_.log().text().substr(mark), HasSubstr("3/3 workers ready, generation 1, 1 connection"));
}

TEST_F(EchoService, the_crash_of_one_worker_is_no_matter_to_the_clients_of_another) {
  std::vector<Client> clients;  // more than one worker accepts
  for (int i = 0; i < 30; ++i) clients.push_back(connect());
  for (Client& client : clients) EXPECT_EQ(client.ask("before"), "received: before");
  ::kill(master_.worker(0), SIGKILL);
  std::size_t closed = 0;
  for (Client& client : clients) {
    try {
      EXPECT_EQ(client.ask("after"), "received: after");
    } catch (const HarnessError&) {
      ++closed;
    }
  }
  EXPECT_LT(closed, clients.size());
  EXPECT_EQ(connect().ask("new"), "received: new");
}

}  // namespace
}  // namespace preforkd::component
