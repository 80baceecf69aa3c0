// What the status listener answers to a request: which paths there are, who may see them, and the
// headers that keep a browser from doing anything with them. Values in, values out: no sockets
// (http_listener.h), no HTTP library.
//
// Read only: GET and HEAD, no bodies, no cookies, nothing that a request could change.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "milter/monitoring.h"

namespace smtpgate::milter {

struct HttpRequest {
  std::string method;
  std::string path;           ///< without the query
  std::string refresh;        ///< the query's value of that name
  std::string authorization;  ///< the header's value
};

struct HttpAnswer {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// Whether `authorization` is "Bearer TOKEN", or "Basic" with the token as password of anybody (so
/// that a browser can ask for it). Takes the same time for every wrong one of a length.
bool is_authorized(std::string_view authorization, std::string_view token);

/// `token` empty: no token is asked for.
HttpAnswer answer_request(const HttpRequest& request, const Monitoring& monitoring,
                          std::string_view token);

/// 500 and the like.
HttpAnswer plain_answer(unsigned status, std::string body);

}  // namespace smtpgate::milter
