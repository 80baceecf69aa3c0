// Postfix's Received field; see the header. Postfix (smtpd.c) writes what the client said of itself
// on the field's first line only, with control characters taken out, and then on a line of its own
//   <tab>by HOST (MAIL_NAME) with PROTOCOL id QUEUE_ID
// so that line is ours to believe, if it is in the field that has the queue id that we were told.
#include "milter/received_field.h"

#include <algorithm>
#include <array>

#include "postoffice/ascii.h"

namespace smtpgate::milter {

namespace {

constexpr std::string_view field_name = "Received:";
constexpr std::string_view by = "by ";
constexpr std::string_view with = " with ";
constexpr std::string_view id = " id ";
constexpr std::array<std::string_view, 4> authenticated = {"ESMTPA", "ESMTPSA", "UTF8SMTPA",
                                                           "UTF8SMTPSA"};

/// The next line without its end; nothing if there is no whole one.
bool take_line(std::string_view& rest, std::string_view& line) {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return false;
  line = rest.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  rest.remove_prefix(end + 1);
  return true;
}

bool is_continued(std::string_view line) {
  return line.starts_with(' ') || line.starts_with('\t');
}

}  // namespace

bool says_authenticated(std::string_view head, std::string_view queue_id) {
  if (queue_id.empty()) return false;
  std::string_view line;
  for (;;) {
    if (!take_line(head, line) || line.empty()) return false;
    if (starts_with_ignoring_case(line, field_name)) break;
  }
  while (take_line(head, line) && is_continued(line)) {
    line = trim(line);
    if (!line.starts_with(by)) continue;
    if (line.ends_with(';')) line.remove_suffix(1);
    const std::size_t at_with = line.rfind(with);
    if (at_with == std::string_view::npos) return false;
    const std::string_view said = line.substr(at_with + with.size());
    const std::size_t at_id = said.find(id);
    return at_id != std::string_view::npos && said.substr(at_id + id.size()) == queue_id &&
           std::find(authenticated.begin(), authenticated.end(), said.substr(0, at_id)) !=
               authenticated.end();
  }
  return false;
}

}  // namespace smtpgate::milter
