// What the two halves of the MIME parser share: mime_parser.cpp reads text, mime_parser_header.cpp
// header blocks. For these two files alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "converter/boundary_stack.h"
#include "converter/header_block.h"
#include "converter/mime_parser.h"

namespace smtpgate::converter {

/// Line ends, as `held` has them.
inline constexpr std::string_view crlf = "\r\n";
inline constexpr std::string_view carriage_return = "\r";
inline constexpr std::string_view line_feed = "\n";

/// Between two pieces: where in the message we are, and what is not yet decided.
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

}  // namespace smtpgate::converter
