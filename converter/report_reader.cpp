// Reading reports; see the header file.
#include "converter/report_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

#include "converter/encoded_word.h"
#include "converter/header_field.h"
#include "converter/header_writer.h"
#include "converter/xtext.h"
#include "postoffice/ascii.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

namespace {

constexpr std::string_view delivery = "delivery";
constexpr std::string_view disposition = "disposition";
constexpr std::size_t longest_word = 20;          // of an action or a disposition
constexpr std::size_t longest_envelope_id = 100;  // RFC 3461, 4.4

/// The kind that a report-type names; empty for another one.
std::string_view kind_of(std::string_view report_type) {
  const std::string name = ascii_lower(trim(report_type));
  // RFC 6533 keeps the names; some write those of the parts all the same.
  if (name == "delivery-status" || name == "global-delivery-status") return delivery;
  if (name == "disposition-notification" || name == "global-disposition-notification") {
    return disposition;
  }
  return {};
}

bool is_returned_message(const ContentType& type) {
  constexpr std::array<std::string_view, 4> known = {
      "message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"};
  return std::find(known.begin(), known.end(), type.str()) != known.end();
}

/// The lines "Name: value" of a text, folds undone, and the blank lines between their groups. Line
/// ends may be CR LF, LF or CR.
class FieldWalk {
 public:
  explicit FieldWalk(std::string_view text) : text_(text) {}

  enum class Step { field, blank_line, end };

  /// Lines that are neither are passed over.
  Step next() {
    while (at_ < text_.size()) {
      const std::string_view line = take_line();
      if (trim(line).empty()) return Step::blank_line;
      const std::size_t colon = line.find(':');
      const std::string_view name = trim(line.substr(0, colon));
      if (colon == std::string_view::npos || is_blank(line.front()) || name.empty() ||
          name.find_first_of(" \t") != std::string_view::npos) {
        continue;
      }
      name_ = name;
      value_ = line.substr(colon + 1);
      while (at_ < text_.size() && is_blank(text_[at_])) {
        const std::size_t begin = at_;
        const std::string_view more = take_line();
        if (trim(more).empty()) {
          at_ = begin;
          break;
        }
        value_ += more;
      }
      return Step::field;
    }
    return Step::end;
  }

  bool is(std::string_view name) const { return equals_ignoring_case(name_, name); }
  const std::string& raw_value() const { return value_; }
  /// Valid UTF-8 without control characters.
  std::string value() const { return one_line(decode_header_text(unfold(value_)).text); }

 private:
  std::string_view take_line() {
    const std::size_t end = std::min(text_.find_first_of("\r\n", at_), text_.size());
    const std::string_view line = text_.substr(at_, end - at_);
    at_ = end + (text_.substr(end, 2) == "\r\n" ? 2 : 1);
    return line;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string_view name_;
  std::string value_;
};

/// The letters and hyphens that a value begins with, lower case; "-" for none or too many.
std::string keyword(std::string_view value) {
  value = trim(value);
  const auto end = std::find_if_not(value.begin(), value.end(),
                                    [](char c) { return is_ascii_alpha(c) || c == '-'; });
  const std::string word =
      ascii_lower(value.substr(0, static_cast<std::size_t>(end - value.begin())));
  return word.empty() || word.size() > longest_word || !is_ascii_alpha(word.front()) ? "-" : word;
}

/// "5.1.1" of "5.1.1 (bad address)"; "-" if it is none (RFC 3463, 2).
std::string status_code(std::string_view value) {
  value = trim(value);
  const std::string_view code =
      value.substr(0, std::min(value.find_first_not_of("0123456789."), value.size()));
  const auto dots = std::count(code.begin(), code.end(), '.');
  const bool is_status = dots == 2 && code.size() <= 9 && code.size() >= 5 && code[1] == '.' &&
                         is_ascii_digit(code.front()) && code.back() != '.' &&
                         code.find("..") == std::string_view::npos;
  return is_status ? std::string(code) : "-";
}

/// \x{20AC} of RFC 6533, 3, as the character that it means.
std::string without_embedded_characters(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t at = std::min(text.find("\\x{"), text.size());
    result += text.substr(0, at);
    text.remove_prefix(at);
    if (text.empty()) break;
    const std::string_view digits = text.substr(3, 7);  // RFC 6533: at most six, and the brace
    const std::size_t brace = digits.find('}');
    std::uint32_t code = 0;
    const char* const end =
        digits.data() + (brace == std::string_view::npos ? digits.size() : brace);
    const auto parsed = std::from_chars(digits.data(), end, code, 16);
    const bool is_character = brace != std::string_view::npos && brace > 0 &&
                              parsed.ec == std::errc() && parsed.ptr == end && code >= 0x20 &&
                              code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
    if (is_character) {
      postoffice::append_utf8(code, result);
      text.remove_prefix(3 + brace + 1);
    } else {
      result += text.front();
      text.remove_prefix(1);
    }
  }
  return result;
}

/// user@host of "rfc822; user@host"; empty if there is none, or it is too long to be one.
std::string address_of(const FieldWalk& field) {
  const std::string value = field.value();
  const std::size_t semicolon = value.find(';');
  std::string_view type = "rfc822";
  std::string_view address = value;
  if (semicolon != std::string::npos) {
    type = trim(std::string_view(value).substr(0, semicolon));
    address = std::string_view(value).substr(semicolon + 1);
  }
  address = trim(address);
  if (address.size() >= 2 && address.front() == '<' && address.back() == '>') {
    address = trim(address.substr(1, address.size() - 2));
  }
  if (address.size() > longest_address) return {};
  if (equals_ignoring_case(type, "utf-8")) return one_line(without_embedded_characters(address));
  return std::string(address);
}

/// "<left@right>" of a Message-ID; empty if it is none.
std::string message_id_of(const FieldWalk& field) {
  const std::string value = unfold(field.raw_value());
  const std::string_view id =
      trim(std::string_view(value).substr(0, std::min(value.find('>'), value.size() - 1) + 1));
  return is_message_id(id) ? std::string(id) : std::string();
}

/// What is said of one recipient, until the next begins.
class ReportedRecipient {
 public:
  std::string action = "-";
  std::string status = "-";

  /// The address that the sender wrote, before it was forwarded.
  void set_original(std::string address) { original_ = std::move(address); }
  void set_final(std::string address) { final_ = std::move(address); }
  bool has_original() const { return original_.has_value(); }
  bool has_final() const { return final_.has_value(); }
  bool says_something() const { return has_original() || has_final() || action != "-"; }

  std::string str() const {
    std::string address = original_.value_or("");
    if (address.empty()) address = final_.value_or("");
    return action + " " + status + " " + (address.empty() ? "-" : address);
  }

 private:
  std::optional<std::string> original_;
  std::optional<std::string> final_;
};

}  // namespace

bool ReportReader::may_be_report(const ContentType& of_message) {
  if (!of_message.is("multipart", "report")) return false;
  const std::string_view report_type = of_message.parsed.parameter("report-type");
  return trim(report_type).empty() || !kind_of(report_type).empty();
}

ReportReader::ReportReader(const ContentType& of_message) {
  report_.kind = kind_of(of_message.parsed.parameter("report-type"));
}

bool ReportReader::begin_part(const ContentType& type) {
  part_ = Part::none;
  octets_.clear();
  const std::string_view kind = type.type == "message" ? kind_of(type.subtype) : "";
  if (!kind.empty() && !has_status_ && (report_.kind.empty() || report_.kind == kind)) {
    has_status_ = true;
    report_.kind = kind;
    part_ = kind == delivery ? Part::delivery_status : Part::disposition;
  } else if (!has_returned_ && is_returned_message(type)) {
    has_returned_ = true;
    part_ = Part::returned;
  }
  return part_ != Part::none;
}

void ReportReader::feed(std::string_view octets) {
  octets_ += octets.substr(0, largest - octets_.size());
}

void ReportReader::end_part() {
  switch (std::exchange(part_, Part::none)) {
    case Part::delivery_status:
      read_delivery_status();
      break;
    case Part::disposition:
      read_disposition();
      break;
    case Part::returned:
      read_returned();
      break;
    case Part::none:
      break;
  }
  octets_.clear();
}

/// Fields of the message, then a group for each recipient. Where the empty lines between the groups
/// are missing, a field that the recipient has already begins the next one.
void ReportReader::read_delivery_status() {
  ReportedRecipient recipient;
  const auto add = [&] {
    if (recipient.says_something() && report_.recipients.size() < most_recipients) {
      report_.recipients.push_back(recipient.str());
    }
    recipient = {};
  };
  FieldWalk fields(octets_);
  for (;;) {
    const FieldWalk::Step step = fields.next();
    if (step != FieldWalk::Step::field) add();
    if (step == FieldWalk::Step::end) return;
    if (step == FieldWalk::Step::blank_line) continue;
    if (fields.is("Original-Envelope-Id")) {
      if (report_.envelope_id.empty()) {
        report_.envelope_id = decode_xtext(trim(fields.raw_value()), longest_envelope_id);
      }
    } else if (fields.is("Original-Recipient")) {
      if (recipient.has_original()) add();
      recipient.set_original(address_of(fields));
    } else if (fields.is("Final-Recipient")) {
      if (recipient.has_final()) add();
      recipient.set_final(address_of(fields));
    } else if (fields.is("Action")) {
      recipient.action = keyword(fields.raw_value());
    } else if (fields.is("Status")) {
      recipient.status = status_code(fields.raw_value());
    }
  }
}

void ReportReader::read_disposition() {
  ReportedRecipient recipient;
  FieldWalk fields(octets_);
  for (;;) {
    const FieldWalk::Step step = fields.next();
    if (step == FieldWalk::Step::end) break;
    if (step == FieldWalk::Step::blank_line) continue;
    if (fields.is("Original-Message-ID")) {
      if (report_.message_id.empty()) report_.message_id = message_id_of(fields);
    } else if (fields.is("Original-Recipient")) {
      recipient.set_original(address_of(fields));
    } else if (fields.is("Final-Recipient")) {
      recipient.set_final(address_of(fields));
    } else if (fields.is("Disposition")) {
      // "manual-action/MDN-sent-manually; displayed"
      const std::string_view value = fields.raw_value();
      const std::size_t semicolon = value.find(';');
      if (semicolon != std::string_view::npos)
        recipient.action = keyword(value.substr(semicolon + 1));
    }
  }
  if (recipient.says_something()) report_.recipients.push_back(recipient.str());
}

void ReportReader::read_returned() {
  FieldWalk fields(octets_);
  bool has_fields = false;
  for (;;) {
    const FieldWalk::Step step = fields.next();
    if (step == FieldWalk::Step::end || (step == FieldWalk::Step::blank_line && has_fields)) return;
    if (step == FieldWalk::Step::blank_line) continue;
    has_fields = true;
    if (!fields.is("Message-ID")) continue;
    returned_id_ = message_id_of(fields);
    return;
  }
}

Report ReportReader::finish() {
  if (report_.kind.empty()) return {};
  if (report_.message_id.empty()) report_.message_id = std::move(returned_id_);
  return std::move(report_);
}

}  // namespace smtpgate::converter
