// SPDX-License-Identifier: MIT
// A packet of a worker or of a master: what is read from it stays in its bounds.
#include "wire/control_message.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "require.hpp"
#include "wire/transfer.hpp"
#include "wire/worker_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view packet(reinterpret_cast<const char*>(data), size);
  if (const auto message = preforkd::control::decode(packet)) {
    const auto again = preforkd::control::encode(*message);
    require(again.view().size() <= size, "an encoding has the known fields only");
    require(preforkd::control::decode(again.view()).has_value(), "what was read can be sent again");
  }
  if (const auto message = preforkd::worker_message::read(packet)) {
    require(message->size() <= preforkd::worker_message::max_bytes, "a message between workers has a limit");
    require(message->data() + message->size() == packet.data() + size, "a message ends where its packet ends");
  }
  using namespace preforkd::transfer;
  const auto connection = read_connection(packet);
  if (connection) {
    require(connection->payload_bytes() <= max_payload_bytes, "a payload has a limit");
    require(size - sizeof *connection <= connection->payload_bytes(), "no byte is left over");
  }
  const auto amendment = read_amendment(packet);
  if (amendment) {
    require(amendment->payload_bytes() <= max_amendment_bytes, "an amendment has a limit");
    require(size - sizeof *amendment <= amendment->payload_bytes(), "no byte is left over");
  }
  const int types =
      (connection ? 1 : 0) + (amendment ? 1 : 0) + (read_more(packet) ? 1 : 0) + (read_answer(packet) ? 1 : 0);
  require(types <= 1, "a packet has one type");
  return 0;
}
