// SPDX-License-Identifier: MIT
#include "worker/io/ledger.hpp"

#include <gtest/gtest.h>

namespace prefork::test {
namespace {

using internal::Ledger;

TEST(Ledger, ends_behind_the_last_connection_however_many_there_may_be) {
  Ledger ledger(1'000'000, 1024, 1);
  EXPECT_EQ(ledger.end(), 0);
  ledger.enter(7);
  EXPECT_EQ(ledger.end(), 8);
  ledger.enter(3);
  EXPECT_EQ(ledger.end(), 8);
}

TEST(Ledger, shows_nothing_of_the_connection_before) {
  Ledger ledger(10, 1024, 1);
  ledger.enter(7).suspicion = Ledger::Suspicion::proven;
  ledger.keep(7, "Ada", 2);
  const Ledger::Entry& entry = ledger.enter(7);
  EXPECT_EQ(entry.suspicion, Ledger::Suspicion::none);
  EXPECT_EQ(entry.state_version, 0U);
  EXPECT_EQ(ledger.state(7), "");
}

}  // namespace
}  // namespace prefork::test
