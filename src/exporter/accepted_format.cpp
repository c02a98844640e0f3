// SPDX-License-Identifier: MIT
#include "exporter/accepted_format.hpp"

#include <strings.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/split.hpp"

namespace preforkd::exporter {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

bool same(std::string_view text, std::string_view word) {
  return text.size() == word.size() && ::strncasecmp(text.data(), word.data(), word.size()) == 0;
}

// A media range with its parameters: "text/plain;version=0.0.4;q=0.5".
struct Range {
  std::string_view type;
  std::string_view version;
  double quality = 1;
};

Range parse_range(std::string_view text) {
  Range range;
  bool first = true;
  for (const std::string_view part : split(text, ';')) {
    const std::string_view word = trimmed(part);
    const std::size_t equal = std::min(word.find('='), word.size());
    const std::string_view value = equal < word.size() ? word.substr(equal + 1) : std::string_view();
    if (first) range.type = word;
    if (same(word.substr(0, equal), "version")) range.version = value;
    if (same(word.substr(0, equal), "q")) range.quality = std::strtod(std::string(value).c_str(), nullptr);
    first = false;
  }
  return range;
}

}  // namespace

MetricsFormat accepted_format(std::string_view accept) {
  double open = 0;
  double text = 0;
  for (const std::string_view each : split(accept, ',')) {
    const Range range = parse_range(each);
    // "1.0.0", and nothing: another version is another format.
    if (same(range.type, "application/openmetrics-text") && (range.version.empty() || range.version == "1.0.0"))
      open = std::max(open, range.quality);
    if (same(range.type, "text/plain")) text = std::max(text, range.quality);
  }
  return open > 0 && open >= text ? MetricsFormat::open_metrics : MetricsFormat::prometheus;
}

const char* content_type(MetricsFormat format) noexcept {
  return format == MetricsFormat::open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                               : "text/plain; version=0.0.4; charset=utf-8";
}

}  // namespace preforkd::exporter
