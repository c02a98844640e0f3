// SPDX-License-Identifier: MIT
// The header of a proxy in any bytes: however they arrive, the same is found, and what is found lies in them.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <prefork/proxy_header.hpp>

#include "require.hpp"
#include "worker/io/proxy_header.hpp"

using prefork::internal::ProxyPreface;
using prefork::internal::read_proxy_header;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Found = ProxyPreface::Found;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const ProxyPreface whole = read_proxy_header(input);
  const bool is_header = whole.found == Found::header;
  require(!is_header || (whole.bytes > 0 && whole.bytes <= size), "a header lies in the input");
  require(whole.tlvs.empty() || (whole.tlvs.data() >= input.data() &&
                                 whole.tlvs.data() + whole.tlvs.size() == input.data() + whole.bytes),
          "the TLVs end the header");
  for (unsigned type = 0; type < 256; ++type) {
    const auto value = prefork::proxy_tlv(whole.tlvs, static_cast<std::uint8_t>(type));
    require(!value || value->size() + 3 <= whole.tlvs.size(), "a value lies in the TLVs");
  }
  for (std::size_t bytes = 0; bytes < size && bytes < 600; ++bytes) {
    const ProxyPreface part = read_proxy_header(input.substr(0, bytes));
    if (part.found == Found::need_more) continue;
    require(part.found == whole.found && part.bytes == whole.bytes,
            "what was found first is not found otherwise later");
    require(!is_header || bytes >= whole.bytes, "no header is found before its end");
    break;
  }
  if (!is_header) return 0;
  const ProxyPreface alone = read_proxy_header(input.substr(0, whole.bytes));
  require(alone.found == Found::header && alone.version == whole.version && alone.is_local == whole.is_local,
          "nothing behind the header matters");
  return 0;
}
