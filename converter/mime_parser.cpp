// See mime_parser.h. Two modes: the header block of an entity (header_block.h), and text - leaf
// bodies, preambles and epilogues alike - in which only boundary lines matter (boundary_stack.h).
//
// What the malformed cases become is chosen here so that every octet reaches the handler and none
// is taken for something it may not be:
// - a line in a header block that is no field ends the block, and the body begins with that line;
//   unless fields go on behind it, or the field before it is plainly unfinished (a fold whose
//   blank was lost): then it belongs to that field; before the first field of a part, if one of
//   MIME's follows, it is told beside the part;
// - a boundary of the multipart whose header it is ends the block, too;
// - a boundary of any open multipart ends all that is inside it;
// - a multipart without a usable boundary is a leaf;
// - after a close-delimiter the same delimiter begins a part again.
#include "converter/mime_parser.h"

#include <cstring>
#include <optional>
#include <utility>

#include "converter/block_scan.h"
#include "converter/boundary_stack.h"
#include "converter/header_block.h"

namespace smtpgate::converter {
namespace {

constexpr std::string_view crlf = "\r\n";
constexpr std::string_view carriage_return = "\r";
constexpr std::string_view line_feed = "\n";

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

// Of lines in a header block that are no fields, before it shows what they are.
constexpr std::size_t most_doubtful = 4096;

std::size_t find_line_feed(std::string_view text, std::size_t from) {
  const void* found = std::memchr(text.data() + from, '\n', text.size() - from);
  if (found == nullptr) return std::string_view::npos;
  return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

bool begins_like_boundary(std::string_view line) {
  return line.empty() || (line[0] == '-' && (line.size() == 1 || line[1] == '-'));
}

}  // namespace

struct MimeParser::State {
  State(EntityHandler& to, const ParserLimits& with) : handler(to), limits(with) {
    block.start(true);
  }

  EntityHandler& handler;
  ParserLimits limits;
  LimitBroken broken = LimitBroken::none;
  bool finished = false;
  std::uint64_t position = 0;  // how many octets have been read

  bool in_header = true;
  HeaderBlock block;
  std::uint64_t header_octets = 0;
  std::size_t header_fields = 0;
  unsigned entities = 0;
  // Whole lines of a header block that may be folds of the last field or the beginning of the body.
  std::string doubtful;
  bool header_mended = false;
  std::string stray;                // doubtful ones that turned out to be of nothing
  std::uint64_t entity_offset = 0;  // of the header block's first octet
  std::string taken_back;           // lines that were read as header and are to be read as body

  BoundaryStack open;
  // That of the header in hand, if it was asked for and there is one; and the size of the value
  // that was read for it, 0 if none was.
  std::optional<BoundaryStack> own_parts;
  std::size_t own_type_size = 0;
  bool in_leaf = false;

  // The end of the last line, not yet handed on: it is a boundary's if one follows. A view of one
  // of the constants above.
  std::string_view held;
  bool held_is_text = false;  // false: of a header or boundary line, so it concerns raw() alone
  bool at_line_start = false;
  std::string candidate;  // the beginning of a line that may be a boundary, cut by a piece's end

  // The multipart whose child is repeated by raw(), if one is.
  std::optional<std::size_t> raw_parent;

  void read(std::string_view piece);
  void finish();
  void finish_header();

  std::size_t header(std::string_view piece);
  bool belongs_to_header();
  bool begins_own_parts();
  bool take_doubtful();
  void begin_body(bool header_cut, std::uint64_t body_offset);
  void end_header_with_other_line(std::uint64_t after);

  std::size_t text(std::string_view piece);
  std::size_t line_start(std::string_view piece);
  std::size_t inside_lines(std::string_view piece);
  void at_boundary(std::string_view line, const BoundaryMatch& match, std::uint64_t after);

  void emit(std::string_view piece);
  void raw(std::string_view piece);
  void hold(std::string_view line_end, bool is_text);
  void release_held();
};

void MimeParser::State::read(std::string_view piece) {
  std::string lines;
  std::string_view again;  // what is left of them
  for (;;) {
    if (!taken_back.empty()) {
      position -= taken_back.size();
      lines = std::exchange(taken_back, {}).append(again);
      again = lines;
    }
    std::string_view& next = again.empty() ? piece : again;
    if (next.empty() || broken != LimitBroken::none) return;
    const std::size_t used = in_header ? header(next) : text(next);
    next.remove_prefix(used);
    position += used;
  }
}

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
  return block.kind() == HeaderBlock::Line::blank && block.last_is_unfinished();
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
  if (block.has_field()) {
    block.continue_last(view);
  } else {
    stray = view;
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

std::size_t MimeParser::State::text(std::string_view piece) {
  if (open.empty()) {
    emit(piece);
    return piece.size();
  }
  return at_line_start ? line_start(piece) : inside_lines(piece);
}

// At the start of a line: is it a boundary? Gathers the line only while it may be one.
std::size_t MimeParser::State::line_start(std::string_view piece) {
  if (candidate.empty() && !begins_like_boundary(piece.substr(0, 2))) {
    release_held();
    at_line_start = false;
    return 0;
  }
  std::string_view take = piece.substr(0, open.longest_line() - candidate.size());
  const std::size_t end = find_line_feed(take, 0);
  const bool complete = end != std::string_view::npos;
  if (complete) take = take.substr(0, end + 1);
  std::string_view line = take;
  if (!candidate.empty() || !complete) line = candidate.append(take);
  if (!complete && line.size() < open.longest_line() && begins_like_boundary(line)) {
    return take.size();
  }
  const std::optional<BoundaryMatch> match = complete ? open.match(line) : std::nullopt;
  if (match) {
    at_boundary(line, *match, position + take.size());
    candidate.clear();
    return take.size();
  }
  release_held();
  at_line_start = false;
  if (candidate.empty()) return 0;
  inside_lines(std::exchange(candidate, {}));
  return take.size();
}

// From inside a line on, over as many lines as begin differently from a boundary: the hot loop.
// Stops at the end of the piece or before a line that line_start() must look at.
std::size_t MimeParser::State::inside_lines(std::string_view piece) {
  if (held == carriage_return) {
    if (piece.front() == '\n') {
      hold(crlf, true);
      at_line_start = true;
      return 1;
    }
    release_held();
  }
  const auto begins_dash_line = [](char c, char next) { return (c == '\n') & (next == '-'); };
  BlockScan scan;
  std::size_t from = 0;
  for (;;) {
    from = scan.skip(piece, from, begins_dash_line);
    const std::size_t end = find_line_feed(piece, from);
    if (end == std::string_view::npos) {
      const bool cr = piece.back() == '\r';
      emit(piece.substr(0, piece.size() - (cr ? 1 : 0)));
      if (cr) hold(carriage_return, true);
      return piece.size();
    }
    const std::size_t next = end + 1;
    if (next + 1 < piece.size()) {
      if (piece[next] != '-' || piece[next + 1] != '-') {
        from = next;
        continue;
      }
      // A whole line that only looks like a boundary need not interrupt the run.
      const std::string_view window = piece.substr(next, open.longest_line());
      const std::size_t line_end = find_line_feed(window, 0);
      const bool is_whole = line_end != std::string_view::npos;
      if (is_whole ? !open.match(window.substr(0, line_end + 1))
                   : window.size() == open.longest_line()) {
        from = next + (is_whole ? line_end : window.size());
        continue;
      }
    }
    const bool has_cr = end > 0 && piece[end - 1] == '\r';
    emit(piece.substr(0, has_cr ? end - 1 : end));
    hold(has_cr ? crlf : line_feed, true);
    at_line_start = true;
    return next;
  }
}

// The boundary's line ends before the octet `after`.
void MimeParser::State::at_boundary(std::string_view line, const BoundaryMatch& match,
                                    std::uint64_t after) {
  if (in_leaf) handler.end_entity(true);
  in_leaf = false;
  while (open.size() > match.level + 1) {
    const bool closed = open.innermost().after_parts;
    open.pop();
    handler.end_entity(closed);
  }
  if (raw_parent && *raw_parent >= match.level) raw_parent.reset();
  const std::string_view end = line.ends_with(crlf)        ? crlf
                               : line.ends_with(line_feed) ? line_feed
                                                           : std::string_view{};
  held_is_text = false;
  release_held();
  raw(line.substr(0, line.size() - end.size()));
  hold(end, false);

  OpenMultipart& multipart = open.innermost();
  multipart.after_parts = match.closes;
  at_line_start = true;
  if (match.closes) return;
  const unsigned child = multipart.children++;
  if (!raw_parent && handler.wants_raw(child)) {
    raw_parent = match.level;
    held = {};
  }
  in_header = true;
  entity_offset = after;
  block.start(false);
}

void MimeParser::State::emit(std::string_view piece) {
  if (piece.empty()) return;
  if (in_leaf) {
    handler.body(piece);
  } else {
    handler.between(piece, open.innermost().after_parts);
  }
  raw(piece);
}

void MimeParser::State::raw(std::string_view piece) {
  if (!raw_parent) return;
  if (!held.empty()) handler.raw(std::exchange(held, {}));
  if (!piece.empty()) handler.raw(piece);
}

void MimeParser::State::hold(std::string_view line_end, bool is_text) {
  held = line_end;
  held_is_text = is_text;
}

void MimeParser::State::release_held() {
  const std::string_view line_end = std::exchange(held, {});
  if (line_end.empty()) return;
  if (held_is_text) {
    emit(line_end);
  } else {
    raw(line_end);
  }
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

void MimeParser::State::finish() {
  if (finished) return;
  finished = true;
  finish_header();
  if (broken == LimitBroken::none && !in_header) {
    const std::string line = std::exchange(candidate, {});
    if (const auto match = open.match(line)) {
      at_boundary(line, *match, position);
    } else {
      release_held();
      emit(line);
    }
  }
  if (broken == LimitBroken::none && in_header) begin_body(false, position);
  if (broken != LimitBroken::none) return;
  release_held();
  if (in_leaf) handler.end_entity(open.empty());
  while (!open.empty()) {
    const bool closed = open.innermost().after_parts;
    open.pop();
    handler.end_entity(closed);
  }
}

MimeParser::MimeParser(EntityHandler& handler, const ParserLimits& limits)
    : state_(std::make_unique<State>(handler, limits)) {}

MimeParser::~MimeParser() = default;

void MimeParser::feed(std::string_view piece) {
  if (!state_->finished) state_->read(piece);
}

void MimeParser::finish() {
  state_->finish();
}

LimitBroken MimeParser::limit_broken() const {
  return state_->broken;
}

}  // namespace smtpgate::converter
