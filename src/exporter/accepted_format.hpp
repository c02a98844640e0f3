// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "pools/metrics_text.hpp"

namespace preforkd::exporter {

// The format that a client prefers, by its Accept header (RFC 9110): OpenMetrics 1.0 if the client names it with a
// quality that is not below that of text/plain, else Prometheus' text format, which browsers show, too. A client that
// accepts neither gets the latter.
[[nodiscard]] MetricsFormat accepted_format(std::string_view accept);

// The Content-Type of the format.
[[nodiscard]] const char* content_type(MetricsFormat format) noexcept;

}  // namespace preforkd::exporter
