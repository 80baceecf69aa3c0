// See mime_parser.h. Two modes: the header block of an entity (mime_parser_header.cpp), and, here,
// text - leaf bodies, preambles and epilogues alike - in which only boundary lines matter
// (boundary_stack.h). A boundary of any open multipart ends all that is inside it; after a
// close-delimiter the same delimiter begins a part again.
#include "converter/mime_parser.h"

#include <cstring>
#include <optional>
#include <utility>

#include "converter/block_scan.h"
#include "converter/mime_parser_state.h"

namespace smtpgate::converter {
namespace {

std::size_t find_line_feed(std::string_view text, std::size_t from) {
  const void* found = std::memchr(text.data() + from, '\n', text.size() - from);
  if (found == nullptr) return std::string_view::npos;
  return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

bool begins_like_boundary(std::string_view line) {
  return line.empty() || (line[0] == '-' && (line.size() == 1 || line[1] == '-'));
}

}  // namespace

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
