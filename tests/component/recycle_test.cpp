// SPDX-License-Identifier: MIT
// Workers that reach a limit are replaced without a failed request.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "support/binaries.hpp"
#include "support/client.hpp"
#include "support/load.hpp"
#include "support/master.hpp"

namespace preforkd::component {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Checks a log of recycling line by line: a worker is asked to leave only when another one of its slot is ready, and
// at most `at_most` workers leave at the same time.
class Story {
 public:
  explicit Story(unsigned at_most) : at_most_(at_most) {}

  void read(const std::string& log) {
    static const std::regex pattern(
        R"(worker (\d+) \(pid (\d+), generation 1\) (is ready|drains: recycled|left \(recycled\): exit status 0 after (.+)$))");
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
      std::smatch match;
      if (!std::regex_search(line, match, pattern)) continue;
      tell(static_cast<unsigned>(std::stoul(match[1])), std::stoi(match[2]), match[3].str(), match[4].str());
    }
  }

  [[nodiscard]] std::size_t recycled() const { return uptimes_.size(); }
  [[nodiscard]] const std::set<unsigned>& slots() const { return slots_; }
  [[nodiscard]] const std::vector<milliseconds>& uptimes() const { return uptimes_; }

 private:
  void tell(unsigned slot, pid_t pid, const std::string& what, const std::string& uptime) {
    if (what == "is ready") {
      ready_[slot].insert(pid);
    } else if (what.starts_with("drains")) {
      ready_[slot].erase(pid);
      EXPECT_FALSE(ready_[slot].empty()) << "slot " << slot << ": pid " << pid
                                         << " left before its replacement was ready";
      EXPECT_LE(++leaving_, at_most_);
    } else {
      --leaving_;
      slots_.insert(slot);
      uptimes_.push_back(in_milliseconds(uptime));
    }
  }

  // "812ms", "3.1s"
  static milliseconds in_milliseconds(const std::string& text) {
    const double number = std::stod(text);
    return milliseconds(static_cast<long>(text.ends_with("ms") ? number : number * 1000));
  }

  const unsigned at_most_;
  unsigned leaving_ = 0;
  std::map<unsigned, std::set<pid_t>> ready_;
  std::set<unsigned> slots_;
  std::vector<milliseconds> uptimes_;
};

Master start(unsigned workers, std::vector<std::string> settings) {
  Master::Options options;
  options.workers = workers;
  // A connection's next request is answered by the worker that has it.
  settings.emplace_back("settings.drain_idle=keep");
  for (std::string& each : settings) options.arguments.insert(options.arguments.end(), {"--set", std::move(each)});
  return Master({binaries::worker("prefork_does_as_told")}, options);
}

// Waits until this many workers were recycled.
void wait_recycled(const Master& master, unsigned count) {
  const auto lines = [&] {
    const std::string text = master.log().text();
    unsigned found = 0;
    for (std::size_t at = 0; (at = text.find("left (recycled)", at)) != std::string::npos; ++at) ++found;
    return found;
  };
  ASSERT_TRUE(eventually([&] { return lines() >= count; }, Deadline(std::chrono::seconds(60))));
}

TEST(Recycle, a_worker_that_has_answered_its_requests_is_replaced_unseen) {
  const Master master = start(3, {"recycle.requests=50"});
  master.wait_ready();
  Load load(master.address());
  wait_recycled(master, 5);
  load.wait_for_more(100);
  EXPECT_THAT(load.stop(), IsEmpty());
  Story story(1);
  story.read(master.log().text());
  EXPECT_GE(story.recycled(), 5U);
  EXPECT_THAT(story.slots(), ElementsAre(0U, 1U, 2U));
}

TEST(Recycle, workers_of_a_certain_age_are_replaced_unseen_each_slot_at_a_time_of_its_own) {
  constexpr unsigned workers = 8;
  const Master master = start(workers, {"recycle.age=4s", "recycle.jitter=50%"});
  master.wait_ready();
  Load load(master.address());
  wait_recycled(master, workers);
  load.wait_for_more(100);
  EXPECT_THAT(load.stop(), IsEmpty());
  Story story(1);
  story.read(master.log().text());
  ASSERT_GE(story.recycled(), workers);
  const auto [youngest, oldest] = std::minmax_element(story.uptimes().begin(), story.uptimes().end());
  EXPECT_GE(*youngest, milliseconds(2000)) << "the jitter is at most half of the age";
  // The chance that no slot of eight has a jitter above a tenth is one in half a million.
  EXPECT_LT(*youngest, milliseconds(3600)) << "no jitter";
}

TEST(Recycle, a_worker_that_holds_too_much_memory_is_replaced_unseen_and_it_alone) {
  const Master master = start(3, {"recycle.memory=128M"});
  master.wait_ready();
  Load load(master.address());
  Client client(master.address());
  const std::string answer = client.ask("grow 192", Deadline(std::chrono::seconds(60)));
  client.close();
  const unsigned slot = static_cast<unsigned>(std::stoul(answer));
  wait_recycled(master, 1);
  load.wait_for_more(100);
  EXPECT_THAT(load.stop(), IsEmpty());
  Story story(1);
  story.read(master.log().text());
  EXPECT_THAT(story.slots(), ElementsAre(slot));
}

TEST(Recycle, at_most_so_many_at_a_time) {
  const Master master = start(4, {"recycle.requests=20", "recycle.at_most=2", "reload.max_surge=4"});
  master.wait_ready();
  Load load(master.address());
  wait_recycled(master, 8);
  EXPECT_THAT(load.stop(), IsEmpty());
  Story story(2);
  story.read(master.log().text());
}

}  // namespace
}  // namespace preforkd::component
