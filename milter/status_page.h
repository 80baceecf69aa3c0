// The status page: a status report as one HTML page that needs no JavaScript and loads nothing but
// its own style sheet, with headings, captions and contrasts as WCAG 2.1 AA asks. Everything in it
// is escaped here. And the readiness as JSON, which programs poll.
//
// Not for serving it: http_answers.h.
#pragma once

#include <string>
#include <string_view>

#include "milter/status_report.h"

namespace smtpgate::milter {

/// `refreshes`: the page is loaded again every 30 seconds by the listener's header.
std::string render_status_page(const StatusReport& report, bool refreshes);
std::string_view status_page_style();

/// {"ready":true,"designated_host":"answers","parts":{"configuration":"ok",...}}; a part that is
/// not ready says why.
std::string render_readiness_json(const StatusReport& report);

}  // namespace smtpgate::milter
