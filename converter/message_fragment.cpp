// See message_fragment.h.
#include "converter/message_fragment.h"

#include <algorithm>
#include <string_view>

#include "postoffice/ascii.h"
#include "postoffice/printable.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t longest_value = 500;  // octets of a parameter, as shown

std::string number(const ContentType& type, std::string_view name) {
  const std::string_view value = type.parsed.parameter(name);
  const bool is_number = !value.empty() && value.size() <= 9 &&
                         std::all_of(value.begin(), value.end(), is_ascii_digit);
  return is_number ? std::string(value) : std::string();
}

std::string shown(const ContentType& type, std::string_view name) {
  return printable(type.parsed.parameter(name), longest_value);
}

MessageFragment partial(const ContentType& type) {
  const std::string piece = number(type, "number");
  const std::string total = number(type, "total");
  std::string which = piece.empty() ? "?" : piece;
  if (!total.empty()) which += " of " + total;
  const std::string id = shown(type, "id");
  std::string sentence = "This is piece " + which + " of a message that was cut in pieces";
  if (!id.empty()) sentence += "; the pieces that belong together have the id \"" + id + "\"";
  return {"partial:" + which, sentence + ". It is attached as it came."};
}

MessageFragment external_body(const ContentType& type) {
  std::string where;
  for (const std::string_view name :
       {"access-type", "url", "site", "directory", "name", "mode", "server", "subject"}) {
    const std::string value = shown(type, name);
    if (value.empty()) continue;
    if (!where.empty()) where += ", ";
    where += std::string(name) + " " + value;
  }
  std::string sentence = "The content is not in this message but elsewhere";
  if (!where.empty()) sentence += " (" + where + ")";
  return {"external-body", sentence + ". The reference to it is attached."};
}

}  // namespace

std::optional<MessageFragment> describe_fragment(const ContentType& type) {
  if (type.is("message", "partial")) return partial(type);
  if (type.is("message", "external-body")) return external_body(type);
  return std::nullopt;
}

}  // namespace smtpgate::converter
