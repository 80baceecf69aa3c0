// See html_table.h.
#include "converter/html_table.h"

#include <algorithm>
#include <cstdint>

#include "postoffice/ascii.h"
#include "postoffice/table.h"

namespace smtpgate::converter {
namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t most_rows_spanned = 1000;
constexpr unsigned most_pieces = 2;  // of a line that is too long; a text of more is an article

/// "1,234.50 EUR", "-12 %", "€ 3".
bool is_number(std::string_view text) {
  const auto is_currency = [](std::string_view word) {
    return word.size() == 3 &&
           std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  };
  if (text.size() > 4 && is_currency(text.substr(0, 3))) text.remove_prefix(3);
  if (text.size() > 4 && is_currency(text.substr(text.size() - 3))) text.remove_suffix(3);
  for (const std::string_view sign : {"\xE2\x82\xAC", "\xC2\xA3", "\xC2\xA5", "$"}) {
    text = trim(text);
    if (text.starts_with(sign)) text.remove_prefix(sign.size());
    if (text.ends_with(sign)) text.remove_suffix(sign.size());
  }
  constexpr std::string_view others = " .,'+-%";
  return std::any_of(text.begin(), text.end(), is_ascii_digit) &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_ascii_digit(c) || others.find(c) != std::string_view::npos;
         });
}

/// As many columns as `width` at most, up to a blank if there is one: the octets.
std::size_t fitting(std::string_view line, std::size_t width) {
  std::size_t blank = 0;
  std::size_t end = 0;
  while (end < line.size()) {
    std::size_t next = end + 1;
    while (next < line.size() && (static_cast<unsigned char>(line[next]) & 0xC0) == 0x80) ++next;
    const std::size_t columns = postoffice::display_width(line.substr(end, next - end));
    if (columns > width) return blank > 0 ? blank : end;
    width -= columns;
    if (line[end] == ' ') blank = end;
    end = next;
  }
  return end;
}

}  // namespace

void HtmlTable::begin_row() {
  if (!rows_.empty()) {
    for (std::size_t& rows : rows_taken_) rows -= std::min<std::size_t>(rows, 1);
  }
  rows_.emplace_back();
}

void HtmlTable::add_cell(std::string_view text, std::size_t columns, std::size_t rows) {
  if (rows_.empty()) begin_row();
  Row& row = rows_.back();
  Cell cell;
  cell.column = row.empty() ? 0 : row.back().column + row.back().span;
  while (cell.column < most_columns && rows_taken_[cell.column] > 0) ++cell.column;
  cell.span = std::max<std::size_t>(columns, 1);
  if (cell.column >= most_columns || cell.span > most_columns - cell.column) {
    fits_ = false;
    return;
  }
  // The row in hand is one of them; each begin_row() takes one off.
  const std::size_t taken = std::clamp<std::size_t>(rows, 1, most_rows_spanned);
  for (std::size_t at = 0; at < cell.span; ++at) rows_taken_[cell.column + at] = taken;
  while (!text.empty() && fits_) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    cell.lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    cell.width = std::max(cell.width, postoffice::display_width(cell.lines.back()));
    if (cell.lines.back().empty() || cell.lines.size() > most_lines) fits_ = false;
  }
  if (cell.width > 0) last_column_ = std::max(last_column_, cell.column);
  row.push_back(std::move(cell));
}

/// Breaks the lines of a cell that has others beside it.
void HtmlTable::wrap(Cell& cell) {
  if (cell.width <= widest_column || cell.column >= last_column_) return;
  std::vector<std::string> lines;
  cell.width = 0;
  for (const std::string& line : cell.lines) {
    std::string_view rest = line;
    for (unsigned piece = 0; !rest.empty(); ++piece) {
      const std::size_t end = fitting(rest, widest_column);
      lines.emplace_back(rest.substr(0, end));
      rest = trim(rest.substr(end));
      cell.width = std::max(cell.width, postoffice::display_width(lines.back()));
      if (piece >= most_pieces || end == 0) {
        fits_ = false;
        return;
      }
    }
  }
  if (lines.size() > most_lines) fits_ = false;
  cell.lines = std::move(lines);
}

std::vector<std::string> HtmlTable::lines() {
  std::vector<std::string> shown;
  for (Row& row : rows_) {
    for (Cell& cell : row) {
      if (fits_ && cell.span == 1) wrap(cell);
    }
  }
  if (!fits_) return shown;
  measure();
  if (!holds_data()) return shown;
  for (const Row& row : rows_) show_row(row, shown);
  return shown;
}

void HtmlTable::measure() {
  for (const Row& row : rows_) {
    for (const Cell& cell : row) {
      if (cell.span == 1) widths_[cell.column] = std::max(widths_[cell.column], cell.width);
    }
  }
  // What spans several columns and has others behind it makes room in the last of its own.
  for (const Row& row : rows_) {
    for (const Cell& cell : row) {
      if (cell.span == 1 || &cell == &row.back()) continue;
      std::size_t room = 0;
      for (std::size_t at = 0; at < cell.span; ++at) {
        const std::size_t width = widths_[cell.column + at];
        room += width + (room > 0 && width > 0 ? gap : 0);
      }
      if (room < cell.width) widths_[cell.column + cell.span - 1] += cell.width - room;
    }
  }
  for (std::size_t column = 0; column < most_columns; ++column) {
    starts_[column + 1] = starts_[column] + (widths_[column] > 0 ? widths_[column] + gap : 0);
    of_numbers_[column] = is_of_numbers(column);
  }
}

bool HtmlTable::holds_data() const {
  const auto rows = std::count_if(rows_.begin(), rows_.end(), [](const Row& row) {
    return std::count_if(row.begin(), row.end(), [](const Cell& cell) { return cell.width > 0; }) >
           1;
  });
  return rows > 1 && starts_[last_column_] <= widest &&
         std::all_of(widths_.begin(), widths_.begin() + last_column_,
                     [](std::size_t width) { return width <= widest_column; });
}

/// Below its title, and where there is anything.
bool HtmlTable::is_of_numbers(std::size_t column) const {
  bool is_any = false;
  for (const Row& row : rows_) {
    const auto cell = std::find_if(row.begin(), row.end(),
                                   [column](const Cell& one) { return one.column == column; });
    if (cell == row.end() || cell->lines.empty() || cell->span > 1) continue;
    if (cell->lines.size() > 1) return false;
    if (&row == &rows_.front()) continue;
    if (!is_number(cell->lines.front())) return false;
    is_any = true;
  }
  return is_any && widths_[column] <= widest_column;
}

void HtmlTable::show_row(const Row& row, std::vector<std::string>& shown) const {
  std::size_t count = 0;
  for (const Cell& cell : row) count = std::max(count, cell.lines.size());
  for (std::size_t number = 0; number < count; ++number) {
    std::string line;
    std::size_t column = 0;  // of the text's end
    for (const Cell& cell : row) {
      if (number >= cell.lines.size()) continue;
      const std::string& text = cell.lines[number];
      const std::size_t width = postoffice::display_width(text);
      std::size_t start = starts_[cell.column];
      if (cell.span == 1 && of_numbers_[cell.column]) start += widths_[cell.column] - width;
      // A wider cell before it may have taken the place.
      const std::size_t blanks = column == 0 ? start : std::max(start, column + gap) - column;
      line.append(blanks, ' ');
      line += text;
      column += blanks + width;
    }
    shown.push_back(std::move(line));
  }
}

}  // namespace smtpgate::converter
