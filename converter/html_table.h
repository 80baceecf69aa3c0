// A table of an HTML page as lines of text, its columns one below another. Only for tables that
// hold data: most tables in mail lay out a page, and their cells are no columns of anything. What
// is taken for data is in docs/conversion.md, "HTML as text".
//
// Not for tags (html_to_text.cpp, html_table_recorder.h). Memory: the cells, which the caller
// bounds.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::converter {

class HtmlTable {
 public:
  static constexpr std::size_t most_columns = 20;
  static constexpr std::size_t most_lines = 5;      ///< of a cell
  static constexpr std::size_t widest_column = 60;  ///< but for the last
  static constexpr std::size_t widest = 120;        ///< up to the last column

  void begin_row();
  /// UTF-8, its lines ended by LF but for the last. Spans of 0 are 1.
  void add_cell(std::string_view text, std::size_t columns, std::size_t rows);
  /// The rows' lines; none if this is no table of data.
  std::vector<std::string> lines();

 private:
  struct Cell {
    std::vector<std::string> lines;
    std::size_t column = 0;
    std::size_t span = 1;
    std::size_t width = 0;
  };
  using Row = std::vector<Cell>;

  void wrap(Cell& cell);
  void measure();
  bool holds_data() const;
  bool is_of_numbers(std::size_t column) const;
  void show_row(const Row& row, std::vector<std::string>& shown) const;

  std::vector<Row> rows_;
  std::array<std::size_t, most_columns> rows_taken_{};  ///< below cells of several rows
  std::array<std::size_t, most_columns> widths_{};      ///< 0: nothing stands there
  std::array<std::size_t, most_columns + 1> starts_{};
  std::array<bool, most_columns> of_numbers_{};
  std::size_t last_column_ = 0;
  bool fits_ = true;
};

}  // namespace smtpgate::converter
