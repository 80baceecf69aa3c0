// SMTP replies: see the header.
#include "milter/smtp_reply.h"

#include <algorithm>
#include <utility>

#include "postoffice/ascii.h"
#include "postoffice/printable.h"

namespace smtpgate::milter {

namespace {

constexpr std::size_t longest_summary = 500;
constexpr std::size_t longest_queue_id = 64;

/// Octets of "5.1.1" at the start of `text`, if its class is `digit` and a blank or the end
/// follows; else 0.
std::size_t status_length(std::string_view text, char digit) {
  if (text.size() < 5 || text[0] != digit || text[1] != '.') return 0;
  std::size_t at = 2;
  for (int part = 0; part < 2; ++part) {
    const std::size_t start = at;
    while (at < text.size() && at - start < 3 && is_ascii_digit(text[at])) ++at;
    if (at == start) return 0;
    if (part == 0 && (at == text.size() || text[at++] != '.')) return 0;
  }
  return at == text.size() || is_blank(text[at]) ? at : 0;
}

}  // namespace

std::string SmtpReply::summary() const {
  std::string text = std::to_string(code);
  if (!status.empty()) text += " " + status;
  for (const std::string& line : lines) {
    if (text.size() > longest_summary) break;
    if (!line.empty()) text += " " + line;
  }
  return printable(text, longest_summary);
}

SmtpReplyParser::Step SmtpReplyParser::take(std::string_view line) {
  octets_ += line.size();
  if (line.size() > longest_line || octets_ > most_octets || reply_.lines.size() >= most_lines) {
    return Step::malformed;
  }
  if (line.size() < 3 || line[0] < '2' || line[0] > '5' || !is_ascii_digit(line[1]) ||
      !is_ascii_digit(line[2])) {
    return Step::malformed;
  }
  const bool is_last = line.size() == 3 || line[3] != '-';
  if (is_last && line.size() > 3 && !is_blank(line[3])) return Step::malformed;
  reply_.code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  std::string_view text = line.substr(std::min<std::size_t>(line.size(), 4));
  if (const std::size_t length = status_length(text, line[0]); length > 0) {
    reply_.status = text.substr(0, length);
    text = trim(text.substr(length));
  }
  reply_.lines.emplace_back(text);
  if (!is_last) return Step::more;
  if (!reply_.status.empty() && reply_.status[0] != line[0]) reply_.status.clear();
  return Step::complete;
}

SmtpReply SmtpReplyParser::finish() {
  octets_ = 0;
  return std::exchange(reply_, SmtpReply{});
}

std::string queue_id_of(const SmtpReply& reply) {
  constexpr std::string_view mark = "queued as ";
  for (const std::string& line : reply.lines) {
    const std::size_t at = ascii_lower(line).find(mark);
    if (at == std::string::npos) continue;
    std::string id;
    for (const char c : std::string_view(line).substr(at + mark.size())) {
      if ((!is_ascii_alpha(c) && !is_ascii_digit(c)) || id.size() == longest_queue_id) break;
      id += c;
    }
    return id;
  }
  return {};
}

}  // namespace smtpgate::milter
