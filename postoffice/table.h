// Text in columns for a terminal: display width of characters, cutting to a width, aligned tables.
// Not for escaping (printable.h): cells are printable text already.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::postoffice {

/// Columns that `text` (UTF-8) takes: 2 for wide characters, 0 for combining ones.
std::size_t display_width(std::string_view text);

/// `text`, or as much of it as fits with "…" behind it. Never cuts a character.
std::string cut_to_width(std::string_view text, std::size_t width);

/// "812", "4.2K", "17M": at most four characters, as ls -h has them.
std::string short_size(std::uint64_t octets);

/// "40 s", "12 min", "5 h", "3 d": whole units, the largest that there is one of.
std::string short_duration(std::int64_t seconds);

class Table {
 public:
  struct Column {
    std::string title;
    bool is_right_aligned = false;
    std::size_t narrowest = 0;  ///< may be cut down to this where the terminal is too narrow; 0:
                                ///< never cut
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// As many cells as there are columns; `is_strong` rows are bold where there are colours.
  void add(std::vector<std::string> cells, bool is_strong = false);
  /// `width` 0: as wide as it gets.
  void print(std::ostream& out, std::size_t width, bool with_colours) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    bool is_strong;
  };
  std::vector<std::size_t> widths(std::size_t terminal) const;

  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

/// What standard output is: a terminal of so many columns, or no terminal (0 columns). Colours
/// only on a terminal, and not if NO_COLOR is set.
struct Terminal {
  std::size_t width = 0;
  bool with_colours = false;
  static Terminal of_standard_output();
};

}  // namespace smtpgate::postoffice
