// SPDX-License-Identifier: MIT
// The master's part when connections move: who is introduced to whom, and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "support/binaries.hpp"
#include "support/configured_master.hpp"
#include "support/master.hpp"
#include "support/proc.hpp"

namespace preforkd::component {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

Master start_giving(unsigned workers, const std::vector<std::string>& arguments = {"1"},
                    const std::vector<std::string>& settings = {}) {
  std::vector<std::string> program{binaries::worker("hands_over")};
  program.insert(program.end(), arguments.begin(), arguments.end());
  Master::Options options = with_workers(workers);
  for (const std::string& each : settings) options.arguments.insert(options.arguments.end(), {"--set", each});
  return Master(program, options);
}

std::string takes(pid_t taker, pid_t giver) { return std::to_string(taker) + " takes from " + std::to_string(giver); }

TEST(HandOver, a_reload_introduces_each_worker_to_its_successor_before_it_asks_it_to_leave) {
  const Master master = start_giving(2);
  master.wait_ready();
  const std::vector<pid_t> old{master.worker(0), master.worker(1)};
  const std::size_t mark = master.log().size();
  master.signal(SIGHUP);
  master.log().wait_for("reload done", mark);
  for (const unsigned slot : {0U, 1U}) {
    master.out().wait_for(takes(master.worker(slot, mark), old[slot]));
    EXPECT_THAT(
        master.log().wait_for(
            "worker " + std::to_string(slot) + " (pid " + std::to_string(old[slot]) + ", generation 1) left", mark),
        HasSubstr("7 connections handed over"));
  }
  EXPECT_THAT(master.out().text(), Not(HasSubstr("seeks")));
}

TEST(HandOver, so_does_a_recycle) {
  const Master master = start_giving(1, {"1"}, {"recycle.age=1s", "recycle.jitter=0%"});
  master.wait_ready();
  const pid_t old = master.worker(0);
  const std::size_t mark = master.log().size();
  master.log().wait_for("left (recycled): exit status 0", mark);
  master.out().wait_for(takes(master.worker(0, mark), old));
  EXPECT_THAT(master.out().text(), Not(HasSubstr("seeks")));
}

TEST(HandOver, a_smaller_pool_introduces_those_that_leave_to_one_that_stays) {
  const Master master = start_giving(2);
  master.wait_ready();
  master.signal(SIGTTOU);
  master.out().wait_for(takes(master.worker(0), master.worker(1)));
  master.log().wait_for("left (scaled-down): exit status 0");
}

TEST(HandOver, a_worker_that_seeks_in_vain_is_told) {
  const auto config = [](const std::string& framing) {
    return json{{"listen", {"127.0.0.1:0"}}, {"program", {binaries::worker("hands_over"), framing}}, {"workers", 1}};
  };
  ConfiguredMaster master(config("1"));
  const std::string old = std::to_string(master.workers().front());
  master.reload(config("2"));
  master.process().out().wait_for(old + " seeks");
  master.process().out().wait_for(old + " has no taker");
  EXPECT_THAT(master.log().wait_for("not taken by other workers"), HasSubstr(" framing"));
}

TEST(HandOver, a_stopping_pool_has_no_takers) {
  Master master = start_giving(2);
  master.wait_ready();
  const std::vector<pid_t> workers = master.workers();
  EXPECT_EQ(master.stop().status, 0);
  for (const pid_t worker : workers) EXPECT_THAT(master.out().text(), HasSubstr(std::to_string(worker) + " has no"));
  EXPECT_THAT(master.out().text(), Not(HasSubstr("takes")));
}

TEST(HandOver, a_program_that_does_not_know_it_gets_no_message) {
  const Master master = start_giving(1, {"silent"});
  master.wait_ready();
  const std::size_t mark = master.log().size();
  const std::string old = std::to_string(master.worker(0));
  master.signal(SIGHUP);
  master.log().wait_for("reload done", mark);
  master.out().wait_for(old + " heard 0");
}

TEST(HandOver, rubbish_on_the_control_channel_harms_no_other_worker) {
  Master master = start_giving(3, {"1", "flood"});
  master.wait_ready();
  master.out().wait_for("flooded");
  const std::size_t descriptors = descriptors_of(master.pid()).size();
  const std::size_t mark = master.log().size();
  EXPECT_LT(mark, 100000U) << "the flood reached the log";
  const pid_t victim = master.worker(2);
  ::kill(victim, SIGKILL);
  EXPECT_NE(master.worker(2, mark), victim);
  EXPECT_THAT(master.log().wait_for("ignored an invalid control message"), HasSubstr("worker "));
  EXPECT_LE(descriptors_of(master.pid()).size(), descriptors + 30);
  EXPECT_EQ(master.stop().status, 0);
}

}  // namespace
}  // namespace preforkd::component
