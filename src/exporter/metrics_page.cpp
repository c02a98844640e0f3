// SPDX-License-Identifier: MIT
#include "exporter/metrics_page.hpp"

#include "exporter/accepted_format.hpp"
#include "pools/metrics_text.hpp"

namespace preforkd::exporter {
namespace {

constexpr const char* plain = "text/plain; charset=utf-8";

}  // namespace

WebResponse metrics_page(const WebRequest& request, const std::function<std::vector<KnownPool>()>& survey) {
  if (request.path != "/metrics") return {404, plain, "The metrics are at /metrics.\n"};
  if (request.method != "GET" && request.method != "HEAD")
    return {405, plain, "The metrics can only be read.\n", "GET, HEAD"};
  const MetricsFormat format = accepted_format(request.accept);
  return {200, content_type(format), metrics_text(survey(), format)};
}

}  // namespace preforkd::exporter
