// What the header says about answers; see the header file.
#include "converter/answering_fields.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "converter/encoded_word.h"
#include "converter/mime_parameters.h"
#include "converter/parameter_encoder.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t most_requests = 100;  // two are more than a program answers

std::string value_of(const HeaderFields& fields, std::string_view name) {
  const HeaderField* field = fields.find(name);
  return field == nullptr ? std::string() : decode_header_text(unfold(field->value)).text;
}

/// Without a domain an address names nobody to whom mail could go.
std::vector<HeaderAddress> addresses_of(const HeaderFields& fields, std::string_view name) {
  std::vector<HeaderAddress> found;
  for (const HeaderField* field : fields.find_all(name)) {
    for (HeaderAddress& one : parse_address_list(field->value, most_requests).addresses) {
      if (one.address.domain.empty() || found.size() >= most_requests) continue;
      found.push_back(std::move(one));
    }
  }
  return found;
}

std::vector<HeaderAddress> receipt_to(const HeaderFields& fields) {
  for (const std::string_view name : {"Disposition-Notification-To", "Return-Receipt-To", "Rr"}) {
    // An empty field asks nobody (Q113824 was the original's receipt to nowhere).
    std::vector<HeaderAddress> found = addresses_of(fields, name);
    if (!found.empty()) return found;
  }
  return {};
}

/// Of several fields the first that says more than "no": a program made it.
std::string auto_submitted(const HeaderFields& fields) {
  for (const HeaderField* field : fields.find_all("Auto-Submitted")) {
    std::string keyword = parse_parameterized(field->value).value;
    if (keyword == "no") continue;
    if (is_mime_token(keyword)) return keyword;
    std::string written = decode_header_text(unfold(field->value)).text;
    if (!written.empty()) return written;
  }
  return {};
}

std::string precedence(const HeaderFields& fields) {
  constexpr std::array<std::string_view, 8> of_lists = {
      "List-Id",          "List-Post",    "List-Help",      "List-Subscribe",
      "List-Unsubscribe", "Mailing-List", "X-Mailing-List", "X-BeenThere"};
  const bool is_list = std::any_of(of_lists.begin(), of_lists.end(), [&](std::string_view name) {
    return fields.find(name) != nullptr;
  });
  if (is_list) return "list";
  std::string found;
  for (const HeaderField* field : fields.find_all("Precedence")) {
    const std::string word = parse_parameterized(field->value).value;
    if (word == "list") return word;
    if (word == "bulk" || (word == "junk" && found.empty())) found = word;
  }
  return found;
}

}  // namespace

AnsweringFields read_answering_fields(const HeaderFields& fields) {
  return {receipt_to(fields), value_of(fields, "Disposition-Notification-Options"),
          value_of(fields, "Original-Recipient"), auto_submitted(fields), precedence(fields)};
}

}  // namespace smtpgate::converter
