// See text_layout.h.
#include "converter/text_layout.h"

#include <algorithm>
#include <array>
#include <utility>

#include "postoffice/ascii.h"

namespace smtpgate::converter {
namespace {

// Senders put rows of breaks where a blank line is meant: no more than two blank lines.
constexpr std::uint64_t most_newlines = 3;

// A sender can make a page of line breaks inside many quotes and lists. Prefixes beyond this many
// octets are written only as long as they are fewer than the text, so the text stays in proportion
// to the page.
constexpr std::uint64_t free_prefixes = std::uint64_t{1} << 20;

/// Marks that show nothing: soft hyphen, combining grapheme joiner, zero width space, byte order
/// mark. Newsletters pad their preview lines with them.
constexpr auto unseen =
    std::to_array<std::string_view>({"\xC2\xAD", "\xCD\x8F", "\xE2\x80\x8B", "\xEF\xBB\xBF"});

/// Octets of the character that `lead` begins, if that may be one of them or U+00A0; else 1.
std::size_t length_of(char lead) {
  if (lead == '\xC2' || lead == '\xCD') return 2;
  return lead == '\xE2' || lead == '\xEF' ? 3 : 1;
}

// Octets that end a run of visible ones: white space, controls (which are dropped) and those that
// length_of() knows.
constexpr std::array<bool, 256> make_special() {
  std::array<bool, 256> special{};
  for (std::size_t octet = 0; octet <= ' '; ++octet) special[octet] = true;
  for (const std::size_t octet : {0x7FU, 0xC2U, 0xCDU, 0xE2U, 0xEFU}) special[octet] = true;
  return special;
}
constexpr std::array<bool, 256> special = make_special();

bool is_special(char c) {
  return special[static_cast<unsigned char>(c)];
}

}  // namespace

void TextLayout::text(std::string_view piece) {
  std::size_t at = 0;
  while (at < piece.size()) {
    const char c = piece[at];
    if (!held_.empty() || length_of(c) > 1) {
      at += character(piece.substr(at));
    } else if (is_special(c)) {
      if (is_blank(c) || c == '\n' || c == '\r' || c == '\f') white(c);
      ++at;
    } else {
      const auto* const end = std::find_if(piece.begin() + at, piece.end(), is_special);
      const auto stop = static_cast<std::size_t>(end - piece.begin());
      visible(piece.substr(at, stop - at));
      at = stop;
    }
  }
}

/// A character that may show nothing, or what of it is there: the rest comes with the next piece.
/// Returns how much of `piece` was taken.
std::size_t TextLayout::character(std::string_view piece) {
  const auto is_rest = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80; };
  std::size_t taken = 0;
  if (held_.empty()) held_ = piece[taken++];
  const std::size_t length = length_of(held_.front());
  while (held_.size() < length && taken < piece.size() && is_rest(piece[taken])) {
    held_ += piece[taken++];
  }
  if (held_.size() < length && taken == piece.size()) return taken;
  if (held_ == "\xC2\xA0") {
    no_break_space();
  } else if (std::find(unseen.begin(), unseen.end(), held_) == unseen.end()) {
    visible(held_);
  }
  held_.clear();
  return taken;
}

void TextLayout::visible(std::string_view run) {
  begin_text();
  *out_ += run;
  written_ += run.size();
}

void TextLayout::white(char c) {
  if (!preformatted_) {
    space_ = line_open_;
  } else if (c == '\n') {
    newlines_ = anything_ ? std::max(newlines_ + (line_open_ ? 0 : 1), std::uint64_t{1}) : 0;
    line_open_ = false;
  } else if (c != '\r' && c != '\f') {
    begin_text();
    *out_ += c;
  }
}

void TextLayout::no_break_space() {
  blank_line_asked_ = !line_open_;
  white(' ');
}

void TextLayout::begin_text() {
  blank_line_asked_ = false;
  if (newlines_ > 0) end_lines();
  if (!line_open_) {
    begin_line();
  } else if (separator_) {
    *out_ += "  ";
  } else if (space_) {
    *out_ += ' ';
  }
  separator_ = space_ = false;
  line_open_ = anything_ = row_has_text_ = true;
  if (std::exchange(cell_is_fresh_, false)) cell_line_ = lines_;
}

void TextLayout::begin_line() {
  if (may_prefix()) {
    for (unsigned quote = 0; quote < quotes_; ++quote) *out_ += "> ";
    const std::size_t columns = std::max(indentation_, marker_.size()) - marker_.size();
    out_->append(columns, ' ');
    prefixed_ += std::uint64_t{2} * quotes_ + columns;
  }
  *out_ += marker_;
  marker_.clear();
  quotes_before_ = quotes_;
}

bool TextLayout::may_prefix() const {
  return prefixed_ <= free_prefixes || prefixed_ <= written_;
}

void TextLayout::end_lines() {
  // A blank line belongs to a quote if the lines around it do.
  const unsigned quotes = may_prefix() ? std::min(quotes_, quotes_before_) : 0;
  prefixed_ += std::uint64_t{2} * quotes * (newlines_ - 1);
  *out_ += '\n';
  for (std::uint64_t line = 1; line < newlines_; ++line) {
    for (unsigned quote = 0; quote < quotes; ++quote) *out_ += quote == 0 ? ">" : " >";
    *out_ += '\n';
  }
  lines_ += newlines_;
  newlines_ = 0;
}

void TextLayout::line_break() {
  if (!anything_) return;
  newlines_ = line_open_ ? 1 : std::max(newlines_, std::min(newlines_ + 1, most_newlines));
  line_open_ = space_ = false;
}

void TextLayout::block(std::uint64_t newlines) {
  if (!marker_.empty() || cell_is_fresh_) return;
  force_block(std::exchange(blank_line_asked_, false) ? std::uint64_t{2} : newlines);
}

void TextLayout::force_block(std::uint64_t newlines) {
  blank_line_asked_ = false;
  if (anything_) newlines_ = std::max(newlines_, newlines);
  line_open_ = space_ = separator_ = false;
}

void TextLayout::set_marker(std::string marker) {
  force_block(1);
  marker_ = std::move(marker);
}

void TextLayout::begin_row() {
  force_block(1);
  row_has_text_ = cell_is_fresh_ = false;
}

// Beside the last cell if that one is a single line.
void TextLayout::begin_cell() {
  if (row_has_text_ && cell_line_ == lines_) {
    newlines_ = 0;
    line_open_ = separator_ = true;
  } else {
    force_block(1);
  }
  cell_is_fresh_ = true;
}

void TextLayout::end_cells() {
  cell_is_fresh_ = row_has_text_ = false;
}

void TextLayout::append_to_word(std::string_view note) {
  *out_ += note;
}

}  // namespace smtpgate::converter
