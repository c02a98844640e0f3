// SPDX-License-Identifier: MIT
// What a connection promises, whatever the order and the pieces in which bytes, room, replies and failures come, and
// although it moves to other workers. A schedule is a random one of these, with virtual time and without a kernel.
// PREFORKD_SCHEDULE=SEED runs one of them, PREFORKD_SCHEDULES=FIRST:COUNT some others.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <sstream>

#include "fakes/fake_streams.hpp"
#include "worker/base/timer_wheel.hpp"
#include "worker/connection/data_path.hpp"

namespace prefork::test {
namespace {

using fakes::FakeStreams;
using internal::ConnectionTable;
using internal::DataPath;
using internal::Framer;
using internal::LimitValues;
using internal::TimerWheel;

Framing any_framing(FakeStreams& streams) {
  switch (streams.between(0, 6)) {
    case 0:
      return Framing::lines();
    case 1:
      return Framing::delimiter("<>");
    case 2:
      return Framing::length_prefix(1);
    case 3:
      return Framing::length_prefix(2, Endian::little);
    case 4:
      return Framing::length_prefix(7);
    case 5:
      return Framing::varint_prefix();
    default:
      return Framing::length_prefix(4);
  }
}

// A queue as Framer::wrap() needs it.
struct Bytes {
  char* prepare(std::size_t room) {
    size = text.size();
    text.resize(size + room);
    return text.data() + size;
  }
  void commit(std::size_t bytes) { text.resize(size + bytes); }
  std::string text;
  std::size_t size = 0;
};

std::string wrapped(const Framer& framer, std::string_view message) {
  Bytes bytes;
  if (!framer.wrap({message}, bytes)) throw std::logic_error("too long");
  return bytes.text;
}

// One random schedule: a server whose handler answers now, later, twice or not at all, and clients that send requests.
class Schedule {
 public:
  explicit Schedule(unsigned seed)
      : random_(seed + 1),
        streams_(random_, odds(seed)),
        wheel_(streams_.now()),
        setup_{{}, handlers(), any_framing(streams_), {}, {}, false},
        framer_(setup_.framing, 200),
        service_(setup_, limits()),
        path_(streams_, wheel_, limits(), stats_, nullptr),
        fails_(seed % 4 == 0) {
    table_before_ = ConnectionTable::set_current(&path_.table());
    streams_.use_ledger(&ledger());
  }
  ~Schedule() { ConnectionTable::set_current(table_before_); }

  // The first promise that was broken; empty if none was.
  std::string run() {
    const std::size_t clients = streams_.between(1, 3);
    for (std::size_t i = 0; i < clients; ++i) start_client();
    for (int i = 0; i < 400 && !done(); ++i) step(i);
    if (wrong_.empty() && !done()) complain("it does not come to its end");
    for (const std::unique_ptr<Client>& client : clients_) check_end(*client);
    return wrong_;
  }

 private:
  struct Client {
    int number = 0;
    std::deque<std::string> expected;  // requests that the server must see next
    std::string replies;               // the bytes that the client must get, as far as they were sent
    int connects = 0;
    int closes = 0;
    bool owed = false;
    bool pinned = false;
    int moves = 0;
    std::string kept;
    int adoptions = 0;
    std::size_t to_say = 0;
    CloseReason reason{};
  };
  struct Owed {
    Client* client;
    Reply reply;
  };

  // One for all: a mapping costs more than a schedule.
  static internal::Ledger& ledger() {
    static internal::Ledger of_all(8, 16, 1);
    return of_all;
  }
  [[nodiscard]] static internal::Ledger::Mark mark_of(const Client& client) {
    return ledger().at(client.number).mark.load();
  }

  [[nodiscard]] static bool is_moving(const Client& client) {
    const internal::Ledger::Mark mark = mark_of(client);
    return mark == internal::Ledger::Mark::moving || mark == internal::Ledger::Mark::moving_busy;
  }

  static FakeStreams::Odds odds(unsigned seed) {
    if (seed % 4 != 0) return {0, 0, 0, seed % 2 == 0 ? 100U : 0U};
    return {50, 5, 5, 50};
  }
  static LimitValues limits() {
    LimitValues limits;
    limits.max_message = 200;
    limits.output_high_mark = 300;
    return limits;
  }

  internal::Handlers handlers() {
    internal::Handlers handlers;
    handlers.on_connect = [this](Connection& c) {
      Client& client = *clients_[static_cast<std::size_t>(c.fd())];
      if (++client.connects != 1) complain("a second on_connect");
      client.kept = "0";
      c.keep(client.kept);
      if (streams_.happens(300)) say(c, client, "welcome");
    };
    handlers.on_message = [this](Connection& c, std::string_view message) { answer(c, message); };
    handlers.on_adopt = [this](Connection& c, std::string_view state, unsigned) {
      Client& client = *clients_[static_cast<std::size_t>(c.fd())];
      if (state != client.kept) complain("the kept state is wrong: " + std::string(state));
      if (amends_) return;
      if (!is_moving(client)) complain("a connection is marked before it is ours");
      if (returns_) c.send("to nobody");
      if (returns_ && streams_.happens(500)) throw std::runtime_error("on_adopt");
      if (returns_) return;
      ++client.adoptions;
      client.kept = std::to_string(client.moves + 1);
      c.keep(client.kept);
      if (streams_.happens(200)) say(c, client, "adopted");
    };
    handlers.on_close = [this](Connection& c, CloseReason reason) {
      if (reason == CloseReason::handed_over) {
        if (!returns_) ++moving_->moves;
        return;
      }
      // Without a descriptor: it could not come back, for lack of memory.
      Client& client = c.fd() < 0 ? *moving_ : *clients_[static_cast<std::size_t>(c.fd())];
      if (++client.closes != 1) complain("a second on_close");
      client.reason = reason;
    };
    return handlers;
  }

  void answer(Connection& c, std::string_view message) {
    Client& client = *clients_[static_cast<std::size_t>(c.fd())];
    if (client.owed) complain("a message is delivered while a reply is owed");
    streams_.expect_busy(static_cast<internal::ConnectionImpl&>(c), "on_message");
    if (client.closes > 0) complain("a message is delivered after on_close");
    if (client.expected.empty() || client.expected.front() != message) {
      return complain("a message is wrong: " + std::string(message));
    }
    client.expected.pop_front();
    streams_.pass(std::chrono::microseconds(streams_.between(0, 100)));
    const std::string reply(message);
    switch (streams_.between(0, 5)) {
      case 0:
        say(c, client, reply);
        say(c, client, "again");
        break;
      case 1:
        owed_.push_back({&client, c.defer()});
        client.owed = true;
        break;
      case 2:
        break;
      default:
        say(c, client, reply);
    }
  }

  void say(Connection& c, Client& client, const std::string& text) {
    c.send(text);
    client.replies += wrapped(framer_, text);
  }

  void start_client() {
    clients_.push_back(std::make_unique<Client>());
    Client& client = *clients_.back();
    client.number = streams_.connect();
    client.to_say = streams_.between(0, 12);
    sockaddr_storage peer{};
    peer.ss_family = AF_INET;
    path_.admit(preforkd::UniqueFd(), peer, entrance_);
  }

  std::string any_message() {
    const std::size_t size = streams_.happens(100) ? 200 : streams_.between(0, 30);
    std::string text(size, ' ');
    for (char& c : text) c = static_cast<char>('a' + streams_.between(0, 25));
    return text;
  }

  void step(int count) {
    for (const std::unique_ptr<Client>& client : clients_) speak(*client);
    if (!owed_.empty() && streams_.happens(300)) pay();
    streams_.pass(std::chrono::microseconds(streams_.between(0, 3000)));
    streams_.turn();
    wheel_.advance(streams_.now());
    path_.settle();
    for (const std::unique_ptr<Client>& client : clients_) check_mark(*client);
    if (streams_.happens(150)) move();
    if (streams_.happens(50)) pin();
    // Something may come from elsewhere at any time, also to a connection that has nothing to say.
    if (count % 16 == 0 && streams_.happens(100)) push();
  }

  void speak(Client& client) {
    FakeStreams::Wire& wire = streams_.wire(client.number);
    if (client.to_say > 0 && streams_.happens(600)) {
      --client.to_say;
      const std::string message = any_message();
      client.expected.push_back(message);
      wire.in_flight += wrapped(framer_, message);
    }
    if (client.to_say == 0) wire.client_ended = true;
  }

  // A connection that rests has had all that was read from it answered, and all answers sent.
  void check_mark(const Client& client) {
    if (mark_of(client) != internal::Ledger::Mark::resting) return;
    const FakeStreams::Wire& wire = streams_.wire(client.number);
    std::size_t to_come = 0;
    for (const std::string& message : client.expected) to_come += wrapped(framer_, message).size();
    if (wire.in_flight.size() + wire.arrived.size() != to_come) complain("it rests with input in hand");
    if (wire.sent.size() != client.replies.size()) complain("it rests with output in hand");
    if (client.owed) complain("it rests while a reply is owed");
    if (client.pinned) complain("it rests while it is pinned");
    if (client.closes > 0) complain("it rests after its end");
  }

  // Between two turns to another worker, for which this one stands in, or nowhere.
  void move() {
    Client& client = *clients_[streams_.between(0, clients_.size() - 1)];
    internal::Session* const session = streams_.wire(client.number).session;
    if (session == nullptr || client.closes > 0) return;
    auto& connection = static_cast<internal::ConnectionImpl&>(*session);
    if (!connection.may_move()) return;
    internal::Luggage luggage = connection.luggage();
    const std::string state(luggage.state);
    const std::string input(luggage.input);
    const std::string output(luggage.output);
    luggage.state = state;
    luggage.input = input;
    luggage.output = output;
    luggage.amended = true;
    preforkd::UniqueFd fd = connection.depart();
    if (!is_moving(client)) complain("a connection on its way is not marked");
    streams_.reopen(client.number);
    moving_ = &client;
    if (streams_.happens(300)) {
      // It is refused. What the application sends meanwhile is sent then.
      if (!client.owed && streams_.happens(300)) say(connection, client, "meanwhile");
      if (streams_.happens(300)) {
        client.kept += "+";
        connection.keep_state(client.kept);
      }
      return stay(connection, client, std::move(fd));
    }
    const int moves = client.moves;
    returns_ = streams_.happens(300);
    std::string late_output;
    std::string late_state;
    internal::Amendment amendment;
    const std::uint64_t id = path_.adopt(std::move(fd), entrance_, luggage, [&] {
      if (returns_) return false;
      // The application of the giver is not there yet where the connection is already.
      if (!client.owed && streams_.happens(300)) say(connection, client, "meanwhile");
      const bool keeps = streams_.happens(300);
      if (keeps) {
        client.kept += "+";
        connection.keep_state(client.kept);
      }
      amendment = connection.amendment();
      if (amendment.state.has_value() != keeps) complain("what follows is not what was kept meanwhile");
      amendment.output = late_output = amendment.output;
      if (amendment.state) amendment.state = late_state = *amendment.state;
      connection.gone();
      return true;
    });
    const bool taken = id != 0;
    if (taken) amend(id, amendment);
    if (taken && returns_) complain("what the giver has kept was taken");
    returns_ = !taken;
    path_.settle();
    if (client.moves != moves + (taken ? 1 : 0)) complain("on_close is not called once for a move");
    if (!taken) {
      if (!is_moving(client)) complain("the taker has marked what was not its own");
      streams_.reopen(client.number);
      stay(connection, client, {});
    }
    returns_ = false;
  }

  void stay(internal::ConnectionImpl& connection, const Client& client, preforkd::UniqueFd fd) {
    connection.stay(std::move(fd));
    if (is_moving(client)) complain("a connection that has come back is marked as moving");
  }

  void amend(std::uint64_t id, const internal::Amendment& amendment) {
    amends_ = true;
    if (internal::ConnectionImpl* const connection = path_.table().find(id)) connection->amend(amendment);
    amends_ = false;
  }

  void pin() {
    Client& client = *clients_[streams_.between(0, clients_.size() - 1)];
    internal::Session* const session = streams_.wire(client.number).session;
    if (session == nullptr || client.closes > 0) return;
    auto& connection = static_cast<internal::ConnectionImpl&>(*session);
    client.pinned = !client.pinned;
    client.pinned ? connection.pin() : connection.unpin();
  }

  void pay() {
    const auto chosen = owed_.begin() + static_cast<std::ptrdiff_t>(streams_.between(0, owed_.size() - 1));
    Owed owed = std::move(*chosen);
    owed_.erase(chosen);
    owed.client->owed = false;
    if (owed.reply.connection() == nullptr) {
      if (!fails_) complain("a connection has ended while it was owed a reply");
      return;
    }
    if (streams_.happens(200)) return;  // no reply after all
    owed.reply.send("late");
    owed.client->replies += wrapped(framer_, "late");
  }

  void push() {
    Client& client = *clients_[streams_.between(0, clients_.size() - 1)];
    const FakeStreams::Wire& wire = streams_.wire(client.number);
    internal::Session* const session = wire.session;
    // Behind the client's end it may be closed at any time.
    if (session == nullptr || wire.input_ended || client.closes > 0 || client.owed) return;
    say(static_cast<internal::ConnectionImpl&>(*session), client, "news");
  }

  [[nodiscard]] bool done() const { return !wrong_.empty() || path_.empty(); }

  void check_end(Client& client) {
    const FakeStreams::Wire& wire = streams_.wire(client.number);
    if (!streams_.wrong_mark().empty()) complain(streams_.wrong_mark());
    if (client.moves != client.adoptions && !fails_) complain("on_adopt is not called once for each move");
    if (client.connects != client.closes) return complain("on_connect and on_close are not called equally often");
    if (client.replies.compare(0, wire.sent.size(), wire.sent) != 0) return complain("the replies are wrong");
    if (fails_) return;
    if (client.reason != CloseReason::peer_closed) complain("closed: " + std::string(to_string(client.reason)));
    if (!client.expected.empty()) complain("a request was not delivered");
    if (client.replies.size() != wire.sent.size()) complain("a reply was not sent");
  }

  void complain(const std::string& what) {
    if (wrong_.empty()) wrong_ = what;
  }

  std::minstd_rand random_;
  FakeStreams streams_;
  TimerWheel wheel_;
  internal::ServiceSetup setup_;
  Framer framer_;
  internal::ActiveService service_;
  internal::Entrance entrance_{service_, "", true};
  preforkd::StatsPage stats_{};
  DataPath path_;
  bool fails_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Owed> owed_;
  std::string wrong_;
  Client* moving_ = nullptr;
  bool returns_ = false;  // the connection that moves is not taken
  bool amends_ = false;   // it is told what happened meanwhile
  ConnectionTable* table_before_ = nullptr;
};

TEST(Schedules, keep_the_order_of_messages_and_replies_and_lose_nothing) {
  if (const char* const seed = std::getenv("PREFORKD_SCHEDULE")) {
    EXPECT_EQ(Schedule(static_cast<unsigned>(std::atoi(seed))).run(), "");
    return;
  }
  unsigned first = 0;
  unsigned count = 50'000;
  if (const char* const wanted = std::getenv("PREFORKD_SCHEDULES")) {
    ASSERT_EQ(std::sscanf(wanted, "%u:%u", &first, &count), 2) << wanted;
  }
  for (unsigned seed = first; seed < first + count; ++seed) {
    const std::string wrong = Schedule(seed).run();
    ASSERT_EQ(wrong, "") << "PREFORKD_SCHEDULE=" << seed;
  }
}

}  // namespace
}  // namespace prefork::test
