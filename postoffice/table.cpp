// Tables; see the header.
#include "postoffice/table.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t gap = 2;
constexpr std::string_view ellipsis = "…";

/// The next character of `text`: how many octets and columns it takes.
std::pair<std::size_t, std::size_t> next_character(std::string_view text) {
  utf8proc_int32_t character = 0;
  const auto octets = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                       static_cast<utf8proc_ssize_t>(text.size()), &character);
  if (octets <= 0) return {1, 1};
  return {static_cast<std::size_t>(octets),
          static_cast<std::size_t>(std::max(0, utf8proc_charwidth(character)))};
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const auto [octets, columns] = next_character(text);
    width += columns;
    text.remove_prefix(octets);
  }
  return width;
}

std::string cut_to_width(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::size_t used = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    const auto [octets, columns] = next_character(text.substr(end));
    if (used + columns > width - 1) break;
    used += columns;
    end += octets;
  }
  return std::string(text.substr(0, end)) + std::string(ellipsis);
}

std::string short_size(std::uint64_t octets) {
  if (octets < 1024) return std::to_string(octets);
  auto size = static_cast<double>(octets);
  const char* unit = " KMGTPE";
  while (size >= 1023.5 && unit[1] != '\0') {
    size /= 1024;
    ++unit;
  }
  return size < 9.95 ? fmt::format("{:.1f}{}", size, *unit) : fmt::format("{:.0f}{}", size, *unit);
}

std::string short_duration(std::int64_t seconds) {
  constexpr std::int64_t minute = 60;
  constexpr std::int64_t hour = 60 * minute;
  constexpr std::int64_t day = 24 * hour;
  seconds = std::max<std::int64_t>(seconds, 0);
  if (seconds < minute) return fmt::format("{} s", seconds);
  if (seconds < hour) return fmt::format("{} min", seconds / minute);
  if (seconds < 2 * day) return fmt::format("{} h", seconds / hour);
  return fmt::format("{} d", seconds / day);
}

void Table::add(std::vector<std::string> cells, bool is_strong) {
  rows_.push_back({std::move(cells), is_strong});
}

std::vector<std::size_t> Table::widths(std::size_t terminal) const {
  std::vector<std::size_t> widths;
  std::size_t total = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = display_width(columns_[i].title);
    for (const Row& row : rows_) width = std::max(width, display_width(row.cells[i]));
    widths.push_back(width);
    total += width + (i == 0 ? 0 : gap);
  }
  // The widest column that may shrink gives way, one column at a time.
  while (terminal != 0 && total > terminal) {
    std::size_t widest = columns_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const bool may_shrink = columns_[i].narrowest != 0 && widths[i] > columns_[i].narrowest;
      if (may_shrink && (widest == columns_.size() || widths[i] > widths[widest])) widest = i;
    }
    if (widest == columns_.size()) break;
    --widths[widest];
    --total;
  }
  return widths;
}

void Table::print(std::ostream& out, std::size_t width, bool with_colours) const {
  const std::vector<std::size_t> column_widths = widths(width);
  const auto print_row = [&](const Row& row) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string cell = cut_to_width(row.cells[i], column_widths[i]);
      const std::string padding(column_widths[i] - display_width(cell), ' ');
      if (i > 0) line.append(gap, ' ');
      line += columns_[i].is_right_aligned ? padding + cell : cell + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    const bool is_bold = row.is_strong && with_colours;
    out << (is_bold ? "\033[1m" : "") << line << (is_bold ? "\033[0m" : "") << '\n';
  };
  Row titles{{}, false};
  for (const Column& column : columns_) titles.cells.push_back(column.title);
  print_row(titles);
  for (const Row& row : rows_) print_row(row);
}

Terminal Terminal::of_standard_output() {
  if (::isatty(STDOUT_FILENO) == 0) return {};
  Terminal terminal;
  struct winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) terminal.width = size.ws_col;
  const char* const no_colour = std::getenv("NO_COLOR");
  terminal.with_colours = no_colour == nullptr || *no_colour == '\0';
  return terminal;
}

}  // namespace smtpgate::postoffice
