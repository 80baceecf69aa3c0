// The header blocks of the MIME parser, line by line (header_block.h), up to what its handler is
// told of the entity. Not for text: mime_parser.cpp.
//
// What the malformed cases become is chosen here so that every octet reaches the handler and none
// is taken for something it may not be:
// - a line in a header block that is no field ends the block, and the body begins with that line;
//   unless fields go on behind it, or the field before it is plainly unfinished (a fold whose
//   blank was lost). Then it belongs to that field if there is more of it to come; else, and before
//   the first field of a part if one of MIME's follows, it is told beside the entity: it must not
//   change what a whole field says;
// - so is the last line of a header whose body is base64, if the line is none;
// - a boundary of the multipart whose header it is ends the block, too;
// - a multipart without a usable boundary is a leaf.
#include <algorithm>
#include <optional>
#include <utility>

#include "converter/mime_parser_state.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {
namespace {

// RFC 2046 allows 70; longer ones exist. What does not fit a line can never occur as one.
constexpr std::size_t longest_boundary = 998;

/// Empty if `type` is no multipart whose parts can be found.
std::string usable_boundary(const ContentType& type) {
  if (type.type != "multipart") return {};
  std::string_view boundary = type.parsed.parameter("boundary");
  const std::size_t last = boundary.find_last_not_of(" \t");
  boundary = last == std::string_view::npos ? std::string_view{} : boundary.substr(0, last + 1);
  return boundary.size() > longest_boundary ? std::string{} : std::string(boundary);
}

/// Whether the lines can be the beginning of a body in base64.
bool are_base64(std::string_view lines) {
  constexpr std::string_view others = "+/=";
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = trim(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
    const bool is_data =
        line.size() % 4 == 0 && std::all_of(line.begin(), line.end(), [&](char c) {
          return is_ascii_alpha(c) || is_ascii_digit(c) || others.find(c) != std::string_view::npos;
        });
    if (!is_data) return false;
  }
  return true;
}

// Of lines in a header block that are no fields, before it shows what they are.
constexpr std::size_t most_doubtful = 4096;

}  // namespace

// Consumes at most one line.
std::size_t MimeParser::State::header(std::string_view piece) {
  const std::size_t used = block.feed(piece, limits.header_octets - header_octets);
  if (block.exceeded()) {
    broken = LimitBroken::header_octets;
    return used;
  }
  if (!block.complete()) return used;
  if (!belongs_to_header()) {
    // Room for a few lines: broken folds come in long fields.
    const bool may_wait = (block.has_field() || !open.empty()) && block.line().ends_with('\n') &&
                          block.kind() != HeaderBlock::Line::blank && !open.match(block.line()) &&
                          !begins_own_parts() &&
                          doubtful.size() + block.line().size() <= most_doubtful;
    if (may_wait) {
      doubtful += block.give_up();
    } else {
      end_header_with_other_line(position + used);
    }
    return used;
  }
  if (!take_doubtful()) return used;
  const std::string_view line = block.line();
  const std::string_view end = line.ends_with(crlf) ? crlf : line_feed;
  raw(line.substr(0, line.size() - end.size()));
  hold(end, false);
  if (block.kind() == HeaderBlock::Line::blank) {
    block.give_up();
    begin_body(false, position + used);
    return used;
  }
  if (line.size() > limits.header_octets - header_octets) {
    broken = LimitBroken::header_octets;
    return used;
  }
  header_octets += line.size();
  if (block.kind() == HeaderBlock::Line::field && ++header_fields > limits.header_fields) {
    broken = LimitBroken::header_fields;
    return used;
  }
  block.accept();
  return used;
}

// Whether the complete line in hand, and with it the doubtful ones before it, are the header's.
bool MimeParser::State::belongs_to_header() {
  if (block.kind() == HeaderBlock::Line::other || open.match(block.line())) return false;
  // A boundary may have a colon, as a field has.
  if (block.line().starts_with('-') && begins_own_parts()) return false;
  if (doubtful.empty()) return true;
  if (block.kind() == HeaderBlock::Line::field) {
    return block.has_field() ? block.has_usual_name() : block.has_mime_name();
  }
  return block.kind() == HeaderBlock::Line::blank &&
         (block.last_is_unfinished() ||
          (block.has_field() && block.says_base64() && !are_base64(doubtful)));
}

// Whether the line in hand, straight behind a field, is a boundary of the multipart that the header
// tells of: only the blank line between them is missing. Looked at once for a run of doubtful
// lines; the field is read again only when it has grown, since a sender may begin many runs.
bool MimeParser::State::begins_own_parts() {
  constexpr std::size_t longest_type = 2 * longest_boundary;
  if (!doubtful.empty() || !block.line().starts_with("--")) return false;
  const HeaderField* const field = block.content_type();
  if (field == nullptr || field->value.size() > longest_type) return false;
  if (field->value.size() != own_type_size) {
    own_type_size = field->value.size();
    own_parts.reset();
    std::string boundary = usable_boundary(parse_content_type(&field->value));
    if (!boundary.empty()) own_parts.emplace().push(std::move(boundary), false);
  }
  return own_parts && own_parts->match(block.line());
}

// False if a limit is broken.
bool MimeParser::State::take_doubtful() {
  if (doubtful.empty()) return true;
  const std::string lines = std::exchange(doubtful, {});
  if (lines.size() > limits.header_octets - header_octets) {
    broken = LimitBroken::header_octets;
    return false;
  }
  header_octets += lines.size();
  header_mended = true;
  const std::string_view view = lines;
  const std::string_view end = view.ends_with(crlf) ? crlf : line_feed;
  raw(view.substr(0, view.size() - end.size()));
  hold(end, false);
  if (block.has_field() && block.last_may_go_on()) {
    block.continue_last(view);
  } else {
    stray += view;
  }
  return true;
}

// The doubtful lines and the one in hand, which ends before the octet `after`, are the first of the
// body. They are read again as such: one of them may be a boundary, behind which a header begins.
void MimeParser::State::end_header_with_other_line(std::uint64_t after) {
  taken_back = std::exchange(doubtful, {}) + block.give_up();
  begin_body(true, after - taken_back.size());
}

void MimeParser::State::begin_body(bool header_cut, std::uint64_t body_offset) {
  const HeaderFields fields = block.take_fields();
  const HeaderField* const field = fields.find("Content-Type");
  ContentType type = parse_content_type(field == nullptr ? nullptr : &field->value);
  if (field == nullptr && !open.empty() && open.innermost().is_digest) {
    type.type = "message";  // RFC 2046, 5.1.5
    type.subtype = "rfc822";
  }
  std::string boundary = usable_boundary(type);
  if (entities == limits.parts) {
    broken = LimitBroken::parts;
    return;
  }
  if (!boundary.empty() && open.size() >= limits.depth) {
    broken = LimitBroken::depth;
    return;
  }
  ++entities;
  in_header = false;
  in_leaf = boundary.empty();
  at_line_start = true;
  handler.begin_entity(EntityStart{fields, type, static_cast<unsigned>(open.size()),
                                   open.empty() ? 0 : open.innermost().children - 1, !in_leaf,
                                   header_cut, header_mended, stray, entity_offset, body_offset});
  header_mended = false;
  own_type_size = 0;
  own_parts.reset();
  stray.clear();
  if (!in_leaf) open.push(std::move(boundary), type.subtype == "digest");
}

// The last line has no end.
void MimeParser::State::finish_header() {
  while (broken == LimitBroken::none && in_header && !(block.line().empty() && doubtful.empty())) {
    // As it is no more than the beginning of a line, an undecided one is no field.
    const bool is_undecided = block.kind() == HeaderBlock::Line::incomplete;
    if (is_undecided || !belongs_to_header()) {
      end_header_with_other_line(position);
      read({});
    } else if (take_doubtful()) {
      raw(block.line());
      block.accept();
    }
  }
}

}  // namespace smtpgate::converter
