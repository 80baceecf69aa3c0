// MMFF's values, fields and errors; see the header. Nothing here does I/O.
#include "postoffice/mmff.h"

#include <algorithm>
#include <array>

#include "postoffice/ascii.h"
#include "postoffice/printable.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::string_view hex_digits = "0123456789ABCDEF";
constexpr std::size_t longest_error_text = 1000;  // octets, as printed

constexpr bool is_escaped_octet(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return (octet < 0x20 && c != '\t') || octet == 0x7F;
}

constexpr std::array<bool, 256> may_need_escape = [] {
  std::array<bool, 256> table{};
  for (std::size_t octet = 0; octet < table.size(); ++octet) {
    const char c = static_cast<char>(octet);
    table[octet] = c == '^' || is_escaped_octet(c);
  }
  return table;
}();

/// The octet that "^XX" at `at` stands for; nullopt if it is not an escape but plain text.
std::optional<char> escape_at(std::string_view text, std::size_t at) {
  if (text.size() - at < 3 || text[at] != '^') return std::nullopt;
  const auto high = hex_digits.find(text[at + 1]);
  const auto low = hex_digits.find(text[at + 2]);
  if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
  const char octet = static_cast<char>(high * 16 + low);
  if (!is_escaped_octet(octet) && octet != '^') return std::nullopt;
  return octet;
}

void append_escape(std::string& result, char c) {
  const auto octet = static_cast<unsigned char>(c);
  result += '^';
  result += hex_digits[octet >> 4U];
  result += hex_digits[octet & 0x0FU];
}

void add_unless_empty(std::vector<ExtendedField>& fields, std::string_view name,
                      const std::string& value, unsigned long number) {
  if (!value.empty()) fields.push_back({'S', number, std::string(name), value});
}

bool is_of_member(const ExtendedField& field) {
  constexpr std::array<std::string_view, 9> names = {
      ext::from_name,          ext::to_name,         ext::cc_name,
      ext::attachment_type,    ext::attachment_name, ext::attachment_disposition,
      ext::attachment_charset, ext::attachment_id,   ext::attachment_odd};
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return equals_ignoring_case(field.name, name); });
}

}  // namespace

std::string_view line_end_octets(LineEnd line_end) {
  switch (line_end) {
    case LineEnd::cr:
      return "\r";
    case LineEnd::lf:
      return "\n";
    case LineEnd::crlf:
      return "\r\n";
  }
  return "\n";
}

std::optional<LineEnd> parse_line_end(std::string_view name) {
  for (const LineEnd line_end : {LineEnd::cr, LineEnd::lf, LineEnd::crlf}) {
    if (equals_ignoring_case(name, line_end_name(line_end))) return line_end;
  }
  return std::nullopt;
}

std::string_view line_end_name(LineEnd line_end) {
  switch (line_end) {
    case LineEnd::cr:
      return "cr";
    case LineEnd::lf:
      return "lf";
    case LineEnd::crlf:
      return "crlf";
  }
  return "lf";
}

std::optional<std::string> MessageHeader::field(std::string_view name) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [name](const ExtendedField& field) {
    return equals_ignoring_case(field.name, name);
  });
  if (found == fields.end()) return std::nullopt;
  return found->value;
}

void MessageHeader::add_field(std::string_view name, std::string value, unsigned long number,
                              char type) {
  fields.push_back({type, number, std::string(name), std::move(value)});
}

std::vector<ExtendedField> MessageHeader::all_fields() const {
  // A field that says again what a member stands for, or with a number that fits nothing, comes
  // behind the members: of two the first counts, and it must stay the first.
  std::vector<ExtendedField> all;
  std::vector<ExtendedField> doubled;
  for (const ExtendedField& field : fields) (is_of_member(field) ? doubled : all).push_back(field);
  add_unless_empty(all, ext::from_name, from.name, 0);
  for (unsigned long i = 0; i < to.size(); ++i) {
    add_unless_empty(all, ext::to_name, to[i].name, i + 1);
  }
  for (unsigned long i = 0; i < cc.size(); ++i) {
    add_unless_empty(all, ext::cc_name, cc[i].name, i + 1);
  }
  for (unsigned long i = 0; i < attachments.size(); ++i) {
    const Attachment& attachment = attachments[i];
    add_unless_empty(all, ext::attachment_type, attachment.content_type, i + 1);
    add_unless_empty(all, ext::attachment_disposition, attachment.disposition, i + 1);
    add_unless_empty(all, ext::attachment_name, attachment.original_name, i + 1);
    add_unless_empty(all, ext::attachment_charset, attachment.character_set, i + 1);
    add_unless_empty(all, ext::attachment_id, attachment.content_id, i + 1);
    for (const std::string& mark : attachment.odd) {
      all.push_back({'S', i + 1, std::string(ext::attachment_odd), mark});
    }
  }
  all.insert(all.end(), doubled.begin(), doubled.end());
  // Last, and numbered 3, as the one published sample has it (Q147034).
  if (header_lines != 0) {
    all.push_back({'I', 3, std::string(ext::header_lines), std::to_string(header_lines)});
  }
  return all;
}

std::string escape_value(std::string_view value) {
  // Most values have nothing to escape.
  const bool is_plain = std::none_of(value.begin(), value.end(), [](char c) {
    return may_need_escape[static_cast<unsigned char>(c)];
  });
  if (is_plain) return std::string(value);
  std::string result;
  result.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (is_escaped_octet(value[i]) || escape_at(value, i)) {
      append_escape(result, value[i]);
    } else {
      result += value[i];
    }
  }
  return result;
}

std::string unescape_value(std::string_view value) {
  std::string result;
  result.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (const auto octet = escape_at(value, i)) {
      result += *octet;
      i += 2;
    } else {
      result += value[i];
    }
  }
  return result;
}

std::string FormatError::str() const {
  return std::to_string(number) + "-" + std::to_string(message) + "-" + std::to_string(line) + " " +
         printable(text, longest_error_text);
}

Outcome FormatError::outcome() const {
  return is_file_error ? Outcome::temporary(str()) : Outcome::permanent(str(), "5.6.0");
}

}  // namespace smtpgate::postoffice
