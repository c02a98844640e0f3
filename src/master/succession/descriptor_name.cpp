// SPDX-License-Identifier: MIT
#include "master/succession/descriptor_name.hpp"

#include <array>
#include <cstddef>

#include "base/whole_number.hpp"

namespace preforkd {
namespace {

// By Kind.
constexpr std::array<std::string_view, 5> kind_prefixes = {"preforkd-listener-", "preforkd-image-", "preforkd-w-",
                                                           "preforkd-program-", "preforkd-runtime-directory-"};

}  // namespace

std::optional<DescriptorName> DescriptorName::parse(std::string_view text) {
  for (std::size_t kind = 0; kind < kind_prefixes.size(); ++kind) {
    if (!text.starts_with(kind_prefixes[kind])) continue;
    const auto number = whole_number<std::uint64_t>(text.substr(kind_prefixes[kind].size()));
    return number ? std::optional(DescriptorName{static_cast<Kind>(kind), *number}) : std::nullopt;
  }
  return std::nullopt;
}

std::string DescriptorName::text() const {
  return std::string(kind_prefixes.at(static_cast<std::size_t>(kind))) + std::to_string(number);
}

}  // namespace preforkd
