// The top Received field: see the header.
#include "milter/received_queue_id.h"

#include <algorithm>

#include "postoffice/ascii.h"

namespace smtpgate::milter {

namespace {

constexpr std::size_t shortest_id = 5;
constexpr std::size_t longest_id = 20;

/// With its folds; empty if it does not end.
std::string_view first_field(std::string_view top) {
  for (auto end = top.find('\n'); end != std::string_view::npos; end = top.find('\n', end + 1)) {
    if (end + 1 == top.size()) return {};
    if (top[end + 1] != ' ' && top[end + 1] != '\t') return top.substr(0, end);
  }
  return {};
}

}  // namespace

std::string received_queue_id(std::string_view top) {
  std::string_view field = first_field(top);
  if (!starts_with_ignoring_case(field, "Received:")) return {};
  const std::size_t postfix = field.find("(Postfix");
  if (postfix == std::string_view::npos) return {};
  field.remove_prefix(postfix);
  // "(Postfix, from userid 0)": the word stands by itself.
  std::size_t at = field.find("id ");
  while (at != std::string_view::npos && field[at - 1] != ' ' && field[at - 1] != '\t') {
    at = field.find("id ", at + 1);
  }
  if (at == std::string_view::npos) return {};
  field.remove_prefix(at + 3);
  const auto end = std::find_if(field.begin(), field.end(),
                                [](char c) { return !is_ascii_alpha(c) && !is_ascii_digit(c); });
  const auto size = static_cast<std::size_t>(end - field.begin());
  if (size < shortest_id || size > longest_id) return {};
  return std::string(field.substr(0, size));
}

}  // namespace smtpgate::milter
