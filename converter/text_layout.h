// Lines of plain text from words and breaks: white space collapsed, blank lines counted once,
// prefixes for quotes and lists, cells side by side. Knows nothing of HTML's tags.
//
// Written text is never looked at again, so the target may be emptied at any time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace smtpgate::converter {

class TextLayout {
 public:
  /// Where text goes from now on; outlives the calls that follow.
  void set_target(std::string& target) { out_ = &target; }

  /// UTF-8, cut anywhere. A no-break space is a space; a soft hyphen is nothing.
  void text(std::string_view piece);
  /// White space stays as it is.
  void set_preformatted(bool on) { preformatted_ = on; }

  /// A line ends here, or if none is open, an empty one is asked for.
  void line_break();
  /// The next text begins a line (1) or comes after a blank line (2), unless it is the first of a
  /// list item or a cell. Where there was no text but a no-break space, a blank line is meant.
  void block(std::uint64_t newlines);
  /// The same, also at the beginning of a list item or a cell.
  void force_block(std::uint64_t newlines);

  void set_quotes(unsigned depth) { quotes_ = depth; }
  /// Columns before the lines; those of the marker are among them.
  void set_indentation(std::size_t columns) { indentation_ = columns; }
  /// Stands before the next text, which begins a line.
  void set_marker(std::string marker);
  void drop_marker() { marker_.clear(); }

  void begin_row();
  void begin_cell();
  void end_cells();

  /// Right behind the text that was written last.
  void append_to_word(std::string_view note);
  /// True once there is any text.
  bool is_anything() const { return anything_; }
  /// Changes with each octet of visible text.
  std::uint64_t written() const { return written_; }

 private:
  void begin_text();
  void begin_line();
  void end_lines();
  bool may_prefix() const;
  std::size_t character(std::string_view piece);
  void visible(std::string_view run);
  void white(char c);
  void no_break_space();

  std::string* out_ = nullptr;
  bool preformatted_ = false;
  bool anything_ = false;
  bool line_open_ = false;
  bool space_ = false;
  bool blank_line_asked_ = false;  // by a no-break space on a line of its own
  std::string held_;               // of a character that may show nothing, cut by a piece's end
  std::uint64_t newlines_ = 0;
  std::uint64_t lines_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t prefixed_ = 0;

  unsigned quotes_ = 0;
  unsigned quotes_before_ = 0;  // of the last line written
  std::size_t indentation_ = 0;
  std::string marker_;

  bool cell_is_fresh_ = false;
  bool row_has_text_ = false;
  bool separator_ = false;
  std::uint64_t cell_line_ = 0;  // where the text of the last cell with text began
};

}  // namespace smtpgate::converter
