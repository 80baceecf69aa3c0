// Answers: see the header.
#include "milter/http_answers.h"

#include <algorithm>
#include <array>

#include "converter/base64_decoder.h"
#include "milter/status_page.h"
#include "postoffice/ascii.h"
#include "postoffice/derived_key.h"

namespace smtpgate::milter {

namespace {

/// A page of ours loads its own style sheet and nothing else, runs nothing, is framed by nobody,
/// and sends no form anywhere.
constexpr const char* content_policy =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

/// What is compared is a hash, so that neither length nor first difference can be measured.
bool is_same_secret(std::string_view a, std::string_view b) {
  const std::string x = postoffice::derived_key("status token\n" + std::string(a));
  const std::string y = postoffice::derived_key("status token\n" + std::string(b));
  unsigned difference = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    difference |= static_cast<unsigned char>(x[i]) ^ static_cast<unsigned char>(y[i]);
  }
  return difference == 0;
}

std::string decode_base64(std::string_view text) {
  std::string result;
  converter::Base64Decoder decoder;
  decoder.feed(text, result);
  decoder.finish(result);
  return result;
}

HttpAnswer typed(std::string type, std::string body, unsigned status = 200) {
  HttpAnswer answer = plain_answer(status, std::move(body));
  answer.headers.front().second = std::move(type);
  return answer;
}

HttpAnswer page(const HttpRequest& request, const Monitoring& monitoring) {
  const bool refreshes = request.refresh == "30";
  HttpAnswer answer =
      typed("text/html; charset=utf-8", render_status_page(monitoring.report(), refreshes));
  if (refreshes) answer.headers.emplace_back("Refresh", "30");
  return answer;
}

HttpAnswer readiness(const HttpRequest&, const Monitoring& monitoring) {
  const StatusReport report = monitoring.report();
  return typed("application/json", render_readiness_json(report),
               report.readiness.ready ? 200 : 503);
}

struct Page {
  std::string_view path;
  HttpAnswer (*answer)(const HttpRequest&, const Monitoring&);
};

constexpr Page pages[] = {
    {"/", page},
    {"/style.css",
     [](const HttpRequest&, const Monitoring&) {
       return typed("text/css; charset=utf-8", std::string(status_page_style()));
     }},
    {"/metrics",
     [](const HttpRequest&, const Monitoring& monitoring) {
       return typed(std::string(metrics_page_type), monitoring.metrics_page());
     }},
    {"/status.json",
     [](const HttpRequest&, const Monitoring& monitoring) {
       return typed("application/json", render_status_json(monitoring.report()));
     }},
    {"/live", [](const HttpRequest&, const Monitoring&) { return plain_answer(200, "alive\n"); }},
    {"/ready", readiness},
};

}  // namespace

HttpAnswer plain_answer(unsigned status, std::string body) {
  return {status,
          {{"Content-Type", "text/plain; charset=utf-8"},
           {"Content-Security-Policy", content_policy},
           {"X-Content-Type-Options", "nosniff"},
           {"Referrer-Policy", "no-referrer"},
           {"Cross-Origin-Resource-Policy", "same-origin"},
           {"Cache-Control", "no-store"}},
          std::move(body)};
}

bool is_authorized(std::string_view authorization, std::string_view token) {
  if (starts_with_ignoring_case(authorization, "Bearer ")) {
    return is_same_secret(authorization.substr(7), token);
  }
  if (!starts_with_ignoring_case(authorization, "Basic ")) return false;
  const std::string user_and_password = decode_base64(authorization.substr(6));
  const std::size_t colon = user_and_password.find(':');
  return colon != std::string::npos &&
         is_same_secret(std::string_view(user_and_password).substr(colon + 1), token);
}

HttpAnswer answer_request(const HttpRequest& request, const Monitoring& monitoring,
                          std::string_view token) {
  if (!token.empty() && !is_authorized(request.authorization, token)) {
    HttpAnswer refused = plain_answer(401, "the token of token_file is needed\n");
    refused.headers.emplace_back("WWW-Authenticate", "Basic realm=\"smtpgate\", charset=\"UTF-8\"");
    return refused;
  }
  if (request.method != "GET" && request.method != "HEAD") {
    HttpAnswer refused = plain_answer(405, "this can only be read\n");
    refused.headers.emplace_back("Allow", "GET, HEAD");
    return refused;
  }
  const auto* found = std::find_if(std::begin(pages), std::end(pages),
                                   [&](const Page& one) { return one.path == request.path; });
  if (found == std::end(pages)) {
    return plain_answer(404, "there are /, /metrics, /live, /ready and /status.json\n");
  }
  return found->answer(request, monitoring);
}

}  // namespace smtpgate::milter
