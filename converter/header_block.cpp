// See header_block.h.
#include "converter/header_block.h"

#include <algorithm>
#include <array>
#include <utility>

#include "converter/transfer_decoder.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {
namespace {

// A field name with its colon must fit a line (RFC 5322, 2.1.1: 998 octets). What is longer is no
// field; so the octets held while a line is undecided are bounded too.
constexpr std::size_t longest_name = 998;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

constexpr std::array<std::string_view, 9> usual_names = {
    "bcc", "cc", "date", "from", "received", "references", "sender", "subject", "to"};

std::string_view line_end_of(std::string_view line) {
  if (line.ends_with("\r\n")) return "\r\n";
  if (line.ends_with("\n")) return "\n";
  return {};
}

}  // namespace

void HeaderBlock::start(bool of_message) {
  *this = HeaderBlock{};
  of_message_ = first_line_of_message_ = of_message;
}

// What the octets of line_ and then `c` make of the line.
HeaderBlock::Line HeaderBlock::classify(char c) {
  const std::size_t at = line_.size();
  if (at == 0) {
    if (is_blank(c) && has_field_) return Line::continuation;
    if (is_blank(c)) return first_line_of_message_ || !of_message_ ? Line::incomplete : Line::other;
    if (c == '\n') return Line::blank;
    if (c == '\r') return Line::incomplete;
  } else if (line_.front() == '\r') {
    return c == '\n' ? Line::blank : Line::other;
  }
  if (first_line_of_message_ && at < byte_order_mark.size() && c == byte_order_mark[at] &&
      byte_order_mark.starts_with(line_)) {
    return Line::incomplete;
  }
  if (line_.starts_with(byte_order_mark.front())) return Line::other;
  const bool has_name = !trim(line_).empty();
  if (c == ':' && has_name) {
    colon_ = at;
    const bool is_indented = !of_message_ && is_blank(line_.front());
    return is_indented && !has_mime_name() ? Line::other : Line::field;
  }
  const bool in_name = !name_ended_ && c > ' ' && c < 127 && c != ':';
  if ((in_name || is_blank(c)) && at < longest_name) {
    name_ended_ = !in_name && has_name;
    return Line::incomplete;
  }
  const bool is_envelope = first_line_of_message_ && name_ended_ &&
                           (line_.starts_with("From ") || line_.starts_with(">From "));
  return is_envelope ? Line::envelope : Line::other;
}

// Nearly every line begins with a name and its colon: taken at once if they are here whole, which
// is what classify() makes of them one by one. 0: it shall look.
std::size_t HeaderBlock::take_plain_name(std::string_view piece) {
  const auto is_name_octet = [](char c) { return c > ' ' && c < 127 && c != ':'; };
  const std::string_view room = piece.substr(0, longest_name);
  const auto* const end = std::find_if_not(room.begin(), room.end(), is_name_octet);
  if (end == room.begin() || end == room.end() || *end != ':') return 0;
  colon_ = static_cast<std::size_t>(end - room.begin());
  line_.append(piece.substr(0, colon_ + 1));
  kind_ = Line::field;
  return colon_ + 1;
}

std::size_t HeaderBlock::feed(std::string_view piece, std::size_t most) {
  std::size_t used = kind_ == Line::incomplete && line_.empty() ? take_plain_name(piece) : 0;
  while (kind_ == Line::incomplete && used < piece.size()) {
    kind_ = classify(piece[used]);
    if (kind_ == Line::other) break;
    line_ += piece[used++];
    if (first_line_of_message_ && line_ == byte_order_mark) line_.clear();
  }
  if (kind_ == Line::other) {
    const std::size_t room = has_field_ || !of_message_ ? longest_other - line_.size() : 0;
    const std::size_t end = piece.find('\n', used);
    const std::size_t stop = end == std::string_view::npos ? piece.size() : end + 1;
    const std::size_t take = std::min(stop - used, room);
    line_.append(piece.substr(used, take));
    complete_ = take == room || line_.ends_with('\n');
    return used + take;
  }
  if (kind_ == Line::incomplete || line_.back() == '\n') {
    complete_ = kind_ != Line::incomplete;
  } else {
    const std::size_t end = piece.find('\n', used);
    const std::size_t stop = end == std::string_view::npos ? piece.size() : end + 1;
    const std::size_t room = line_.size() < most ? most - line_.size() : 0;
    const std::size_t take = std::min(stop - used, room);
    line_.append(piece.substr(used, take));
    used += take;
    complete_ = end != std::string_view::npos && used == stop;
  }
  const bool counts = kind_ != Line::incomplete && kind_ != Line::blank;
  exceeded_ = counts && (line_.size() > most || (!complete_ && used < piece.size()));
  return used;
}

void HeaderBlock::accept() {
  const std::string_view end = line_end_of(line_);
  const std::string_view content = std::string_view(line_).substr(0, line_.size() - end.size());
  if (kind_ == Line::field) {
    if (has_field_) fields_.add(std::move(field_));
    field_ = HeaderField{std::string(trim(content.substr(0, colon_))),
                         std::string(content.substr(colon_ + 1))};
    has_field_ = true;
    ++field_count_;
    if (content_type_ == 0 && equals_ignoring_case(field_.name, "Content-Type")) {
      content_type_ = field_count_;
    }
  } else if (kind_ == Line::continuation) {
    field_.value.append(fold_).append(content);
  }
  fold_ = end;
  first_line_of_message_ = false;
  line_.clear();
  forget_line();
}

std::string HeaderBlock::give_up() {
  std::string line = std::move(line_);
  line_.clear();
  forget_line();
  return line;
}

void HeaderBlock::forget_line() {
  kind_ = Line::incomplete;
  name_ended_ = complete_ = exceeded_ = false;
}

void HeaderBlock::continue_last(std::string_view lines) {
  const std::string_view end = line_end_of(lines);
  field_.value.append(fold_).append(lines.substr(0, lines.size() - end.size()));
  fold_ = end;
}

bool HeaderBlock::last_is_unfinished() const {
  const std::string_view value = trim(field_.value);
  return value.ends_with(';') || value.ends_with(',') ||
         std::count(value.begin(), value.end(), '"') % 2 != 0;
}

bool HeaderBlock::last_may_go_on() const {
  constexpr auto of_addresses =
      std::to_array<std::string_view>({"from", "to", "cc", "sender", "reply-to"});
  const std::string_view value = trim(field_.value);
  const std::string name = ascii_lower(field_.name);
  // What is behind a blind recipient may be one.
  if (value.empty() || name.ends_with("bcc") || last_is_unfinished()) return true;
  // "From: Bob", and his address in the next line. Behind an address comes no other one.
  return std::find(of_addresses.begin(), of_addresses.end(), name) != of_addresses.end() &&
         value.find('@') == std::string_view::npos;
}

bool HeaderBlock::says_base64() const {
  constexpr std::string_view name = "Content-Transfer-Encoding";
  const HeaderField* field = fields_.find(name);
  if (field == nullptr && equals_ignoring_case(field_.name, name)) field = &field_;
  return field != nullptr && parse_transfer_encoding(field->value) == TransferEncoding::base64;
}

bool HeaderBlock::has_usual_name() const {
  const std::string name = ascii_lower(trim(std::string_view(line_).substr(0, colon_)));
  return name.find('-') != std::string::npos ||
         std::find(usual_names.begin(), usual_names.end(), name) != usual_names.end();
}

bool HeaderBlock::has_mime_name() const {
  return starts_with_ignoring_case(trim(std::string_view(line_).substr(0, colon_)), "content-");
}

const HeaderField* HeaderBlock::content_type() const {
  if (content_type_ == 0) return nullptr;
  return content_type_ == field_count_ ? &field_ : &fields_.all()[content_type_ - 1];
}

HeaderFields HeaderBlock::take_fields() {
  if (has_field_) fields_.add(std::move(field_));
  HeaderFields result = std::move(fields_);
  start(false);
  return result;
}

}  // namespace smtpgate::converter
