// Token lines to a message header; see the header. Error texts begin as the original's do (Q85043)
// and then say what to do.
#include "postoffice/mmff_header_parser.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/mmff_external.h"

namespace smtpgate::postoffice {

namespace {

enum class TokenKind {
  version,
  to,
  cc,
  from,
  date,
  time,
  subject,
  priority,
  attachment,
  external_attachment,
  extended,
  text,
  external_text,
};

struct KnownToken {
  std::string_view name;
  TokenKind kind;
  bool once;
};

constexpr std::array<KnownToken, 14> known_tokens = {{
    {"VERSION", TokenKind::version, true},
    {"TO", TokenKind::to, false},
    {"CC", TokenKind::cc, false},
    {"FROM", TokenKind::from, true},
    {"DATE", TokenKind::date, true},
    {"TIME", TokenKind::time, true},
    {"SUBJECT", TokenKind::subject, true},
    {"PRIORITY", TokenKind::priority, true},
    {"ATTACHMENT", TokenKind::attachment, false},
    {"ATTACHMENTS", TokenKind::attachment, false},
    {"XATTACH", TokenKind::external_attachment, false},
    {"EXT", TokenKind::extended, false},
    {"TEXT", TokenKind::text, true},
    {"XTEXT", TokenKind::external_text, true},
}};

const KnownToken* find_token(std::string_view name) {
  const auto* found = std::find_if(
      known_tokens.begin(), known_tokens.end(),
      [name](const KnownToken& token) { return equals_ignoring_case(token.name, name); });
  return found == known_tokens.end() ? nullptr : found;
}

constexpr unsigned bit(TokenKind kind) {
  return 1U << static_cast<unsigned>(kind);
}

/// For error texts: enough of a line to find it.
std::string shown(std::string_view text) {
  constexpr std::size_t longest = 80;
  if (text.size() <= longest) return std::string(text);
  return std::string(text.substr(0, longest)) + "...";
}

std::string_view without_leading_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view{} : text.substr(first);
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (text.empty() || result.ec != std::errc{} || result.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

bool has_native_form(std::string_view address) {
  if (NativeAddress::parse(address)) return true;
  std::string as_ascii(address);
  for (char& c : as_ascii) {
    if (static_cast<unsigned char>(c) >= 0x80) c = 'x';
  }
  return as_ascii != address && !is_utf8(address) && NativeAddress::parse(as_ascii).has_value();
}

MmffHeaderParser::MmffHeaderParser(const ReaderOptions& options, LineEnd line_end,
                                   std::uint64_t message)
    : options_(options), line_end_(line_end), message_(message) {}

FormatError MmffHeaderParser::error(int number, std::string text) const {
  return {number, message_, std::max<std::uint64_t>(line_, 1), std::move(text), false};
}

FormatError MmffHeaderParser::end_of_file() const {
  return error(140,
               "Unknown error processing token TEXT: the file ends before it; a message's last "
               "token line is TEXT:size or XTEXT:file");
}

FormatError MmffHeaderParser::line_too_long() {
  ++line_;
  return error(145, "In line " + std::to_string(line_) +
                        ", contents fields too big: no line end within " +
                        std::to_string(options_.longest_line) +
                        " octets; is this an MMFF file, and are its line ends what -f says?");
}

MmffHeaderParser::Result MmffHeaderParser::bad_tail(std::string_view name, std::string_view tail,
                                                    std::string_view what) const {
  return tl::unexpected(error(140, "Unknown error processing token " + std::string(name) +
                                       " with tail " + shown(tail) + ": " + std::string(what)));
}

MmffHeaderParser::Result MmffHeaderParser::refuse_stray_line_ends(std::string_view line) const {
  if (line.find_first_of("\r\n") == std::string_view::npos) return true;
  return tl::unexpected(error(144, "Unable to partition line " + shown(line) +
                                       ": it holds a line end of another kind; have all lines end "
                                       "alike, and -f say how (-f0 CR, -f1 LF, -f2 CRLF)"));
}

FormatResult<bool> MmffHeaderParser::take_line(std::string_view line) {
  ++line_;
  // A file with CRLF taken for one with CR: its second line then begins with LF (Q85055).
  const bool begins_with_line_feed = line_end_ == LineEnd::cr && line.starts_with('\n');
  if (!begins_with_line_feed) {
    if (auto whole = refuse_stray_line_ends(line); !whole) return whole;
  }
  if (pending_ && !begins_with_line_feed) return take_extended_value(line);
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) {
    return tl::unexpected(error(144, "Unable to partition line " + shown(line) +
                                         ": each line up to TEXT is TOKEN:value; look for a wrong "
                                         "size or line end before it"));
  }
  const auto name = line.substr(0, colon);
  if (find_token(name) == nullptr) {
    std::string text =
        "Cannot match token " + shown(name) + " (has tail " + shown(line.substr(colon + 1)) + "): ";
    text += begins_with_line_feed
                ? "the file's lines end in CRLF; leave out -f0 or say -f2"
                : "no such token; look for a misspelt one, a wrong size or a wrong line end";
    return tl::unexpected(error(141, std::move(text)));
  }
  return take_token(name, line.substr(colon + 1));
}

FormatResult<bool> MmffHeaderParser::take_token(std::string_view name, std::string_view tail) {
  const KnownToken& token = *find_token(name);
  if (line_ == 1 && token.kind != TokenKind::version) {
    return bad_tail(name, tail, "a message begins with VERSION:3.00; put that line first");
  }
  if (token.once && (seen_ & bit(token.kind)) != 0) {
    return bad_tail(name, tail, "it stands in the message twice; leave one out");
  }
  seen_ |= bit(token.kind);
  switch (token.kind) {
    case TokenKind::version:
      return take_version(trim(tail));
    case TokenKind::to:
      return take_recipient(name, tail, header_.to, header_.to_lines);
    case TokenKind::cc:
      return take_recipient(name, tail, header_.cc, header_.cc_lines);
    case TokenKind::from:
      return take_address(name, tail, header_.from);
    case TokenKind::date:
      header_.date = unescape_value(tail);
      return false;
    case TokenKind::time:
      header_.time = unescape_value(tail);
      return false;
    case TokenKind::subject:
      header_.subject = unescape_value(tail);
      return false;
    case TokenKind::priority:
      header_.priority = unescape_value(tail);
      return false;
    case TokenKind::attachment:
      return take_attachment(name, tail);
    case TokenKind::external_attachment:
      return take_external_attachment(tail);
    case TokenKind::extended:
      return take_extended(tail);
    case TokenKind::text:
      return take_text(tail);
    case TokenKind::external_text:
      return take_external_text(tail);
  }
  return false;
}

FormatResult<bool> MmffHeaderParser::take_version(std::string_view tail) {
  const auto dot = tail.find('.');
  const bool is_version = dot != std::string_view::npos &&
                          parse_number<unsigned>(tail.substr(0, dot)) &&
                          parse_number<unsigned>(tail.substr(dot + 1));
  if (!is_version) return bad_tail("VERSION", tail, "write a number like 3.00");
  header_.version = std::string(tail);
  return false;
}

FormatResult<bool> MmffHeaderParser::take_address(std::string_view name, std::string_view tail,
                                                  TypedAddress& address) const {
  address = TypedAddress::parse(unescape_value(without_leading_blanks(tail)));
  if (address.type == "CSI") {
    address.address = std::string(trim(address.address));
    if (!has_native_form(address.address)) {
      return tl::unexpected(error(142, "Bad address " + shown(tail) + " in " + std::string(name) +
                                           ": write NET/PO/MAILBOX or TYPE:address"));
    }
  }
  return false;
}

FormatResult<bool> MmffHeaderParser::take_recipient(std::string_view name, std::string_view tail,
                                                    std::vector<TypedAddress>& list,
                                                    std::vector<std::uint64_t>& lines) {
  if (header_.to.size() + header_.cc.size() >= options_.most_recipients) {
    return tl::unexpected(error(
        145, "In group name " + std::string(name) + ", contents fields too big: more than " +
                 std::to_string(options_.most_recipients) + " recipients; split the message"));
  }
  lines.push_back(line_);
  return take_address(name, tail, list.emplace_back());
}

FormatResult<bool> MmffHeaderParser::take_attachment(std::string_view name, std::string_view tail) {
  if (header_.attachments.size() >= options_.most_attachments) {
    return tl::unexpected(error(
        145, "In group name " + std::string(name) + ", contents fields too big: more than " +
                 std::to_string(options_.most_attachments) + " attachments; split the message"));
  }
  // The size is the last word; one blank separates it, so that names keep theirs.
  const auto blank = tail.find_last_of(" \t");
  const auto size = parse_number<std::uint64_t>(
      blank == std::string_view::npos ? std::string_view{} : tail.substr(blank + 1));
  if (!size) {
    return bad_tail(name, tail,
                    "write the file's name, a blank and its size in octets, a whole number");
  }
  Attachment attachment;
  attachment.name = unescape_value(tail.substr(0, blank));
  attachment.size = *size;
  header_.attachments.push_back(std::move(attachment));
  return false;
}

FormatResult<bool> MmffHeaderParser::refuse_external(std::string_view name,
                                                     std::string_view path) const {
  std::string why;
  if (options_.external_directory.empty()) {
    why = "files outside the message are read only under a directory given with --external";
  } else if (!is_plain_relative_path(path)) {
    why = "write a plain path relative to the --external directory";
  } else {
    return true;
  }
  return tl::unexpected(
      error(146, "Bad or missing " + std::string(name) + " file name " + shown(path) + ": " + why));
}

FormatResult<bool> MmffHeaderParser::take_external_attachment(std::string_view tail) {
  if (header_.attachments.size() >= options_.most_attachments) {
    return tl::unexpected(error(145,
                                "In group name XATTACH, contents fields too big: too many "
                                "attachments; split the message"));
  }
  const auto trimmed = trim(tail);
  const auto blank = trimmed.find_first_of(" \t");
  Attachment attachment;
  attachment.external_path = unescape_value(trimmed.substr(0, blank));
  if (auto allowed = refuse_external("XATTACH", attachment.external_path); !allowed) return allowed;
  if (blank != std::string_view::npos) {
    attachment.name = unescape_value(without_leading_blanks(trimmed.substr(blank)));
  } else {
    const auto& path = attachment.external_path;
    attachment.name = path.substr(path.find_last_of('/') + 1);
  }
  header_.attachments.push_back(std::move(attachment));
  return false;
}

FormatResult<bool> MmffHeaderParser::take_extended(std::string_view tail) {
  if (header_.fields.size() >= options_.most_fields) {
    return tl::unexpected(error(145, "In group name EXT, contents fields too big: more than " +
                                         std::to_string(options_.most_fields) + " fields"));
  }
  constexpr std::string_view form = "write EXT:type:number:NAME and the value on the next line";
  if (tail.size() < 2 || !is_ascii_alpha(tail[0]) || tail[1] != ':') {
    return bad_tail("EXT", tail, form);
  }
  const auto rest = tail.substr(2);
  const auto colon = rest.find(':');
  const auto number = parse_number<unsigned long>(rest.substr(0, colon));
  if (colon == std::string_view::npos || !number || colon + 1 == rest.size()) {
    return bad_tail("EXT", tail, form);
  }
  pending_ = PendingField{tail[0], *number, ascii_upper(unescape_value(rest.substr(colon + 1)))};
  return false;
}

FormatResult<bool> MmffHeaderParser::take_extended_value(std::string_view line) {
  ExtendedField field{pending_->type, pending_->number, std::move(pending_->name),
                      unescape_value(line)};
  pending_.reset();
  if (!equals_ignoring_case(field.name, ext::header_lines)) {
    header_.fields.push_back(std::move(field));
    return false;
  }
  const auto lines = parse_number<std::uint64_t>(trim(line));
  if (!lines) {
    return bad_tail("EXT", line, "HEADLEN is the number of header lines on top of the text");
  }
  if (has_header_lines_) return bad_tail("EXT", line, "HEADLEN stands there twice");
  has_header_lines_ = true;
  header_.header_lines = *lines;
  return false;
}

FormatResult<bool> MmffHeaderParser::take_text(std::string_view tail) {
  const auto size = parse_number<std::uint64_t>(trim(tail));
  if (!size) return bad_tail("TEXT", tail, "write the text's size in octets, a whole number");
  header_.text_size = *size;
  return finish("TEXT", tail);
}

FormatResult<bool> MmffHeaderParser::take_external_text(std::string_view tail) {
  header_.external_text = unescape_value(trim(tail));
  if (auto allowed = refuse_external("XTEXT", header_.external_text); !allowed) return allowed;
  return finish("XTEXT", tail);
}

FormatResult<bool> MmffHeaderParser::finish(std::string_view name, std::string_view tail) {
  if ((seen_ & bit(TokenKind::from)) == 0) {
    return bad_tail(name, tail, "there is no FROM; write FROM:NET/PO/MAILBOX before it");
  }
  if (header_.to.empty()) {
    return bad_tail(name, tail, "there is no TO; write TO:NET/PO/MAILBOX before it");
  }
  distribute_fields();
  return true;
}

void MmffHeaderParser::distribute_fields() {
  auto& fields = header_.fields;
  fields.erase(std::remove_if(fields.begin(), fields.end(),
                              [this](ExtendedField& field) { return place_field(field); }),
               fields.end());
}

bool MmffHeaderParser::place_field(ExtendedField& field) {
  // An empty or second value, or one for something that is not there, stays a field.
  const auto set = [&field](std::string& member) {
    if (!member.empty() || field.value.empty()) return false;
    member = std::move(field.value);
    return true;
  };
  const auto is = [&field](std::string_view name) {
    return equals_ignoring_case(field.name, name);
  };
  const auto index =
      static_cast<std::size_t>(field.number) - 1;  // 0 becomes too large for any list
  if (is(ext::from_name)) return set(header_.from.name);
  if (is(ext::to_name)) return index < header_.to.size() && set(header_.to[index].name);
  if (is(ext::cc_name)) return index < header_.cc.size() && set(header_.cc[index].name);
  if (index >= header_.attachments.size()) return false;
  Attachment& attachment = header_.attachments[index];
  if (is(ext::attachment_type)) return set(attachment.content_type);
  if (is(ext::attachment_disposition)) return set(attachment.disposition);
  if (is(ext::attachment_name)) return set(attachment.original_name);
  if (is(ext::attachment_charset)) return set(attachment.character_set);
  if (is(ext::attachment_id)) return set(attachment.content_id);
  if (is(ext::attachment_odd)) {
    attachment.odd.push_back(std::move(field.value));
    return true;
  }
  return false;
}

}  // namespace smtpgate::postoffice
