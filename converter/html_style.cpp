// See html_style.h.
#include "converter/html_style.h"

#include <algorithm>
#include <array>
#include <string>

#include "postoffice/ascii.h"

namespace smtpgate::converter {
namespace {

/// Calls `use` with each declaration's property and value, in lower case, trimmed.
template <typename Use>
void for_each_declaration(std::string_view style, Use use) {
  while (!style.empty()) {
    const std::size_t end = std::min(style.find(';'), style.size());
    const std::string declaration = ascii_lower(style.substr(0, end));
    style.remove_prefix(std::min(end + 1, style.size()));
    const std::string_view view = declaration;
    const std::size_t colon = view.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view value = view.substr(colon + 1);
    use(trim(view.substr(0, colon)), trim(value.substr(0, value.find('!'))));
  }
}

/// Less than one of its unit: Word writes .0001pt.
bool is_no_length(std::string_view length) {
  const std::size_t whole = std::min(length.find_first_not_of('0'), length.size());
  length.remove_prefix(whole);
  if (whole > 0) return length.empty() || !is_ascii_digit(length[0]);
  return length.size() > 1 && length[0] == '.' && is_ascii_digit(length[1]);
}

struct Margins {
  bool is_none_above = false;
  bool is_none_below = false;
};

/// margin: above, right, below, left; what is missing is like its opposite.
Margins margins_of(std::string_view value) {
  std::array<std::string_view, 3> lengths;
  std::size_t count = 0;
  while (!value.empty() && count < lengths.size()) {
    const std::size_t end = std::min(value.find_first_of(" \t\r\n"), value.size());
    lengths[count++] = value.substr(0, end);
    value = trim(value.substr(end));
  }
  return {is_no_length(lengths[0]), is_no_length(lengths[count == 3 ? 2 : 0])};
}

}  // namespace

bool is_style_hidden(std::string_view style) {
  bool is_displayed = true;
  bool is_visible = true;
  for_each_declaration(style, [&](std::string_view property, std::string_view value) {
    if (property == "display") is_displayed = value != "none";
    if (property == "visibility") is_visible = value != "hidden";
  });
  return !is_displayed || !is_visible;
}

std::string list_style_type(std::string_view style) {
  std::string type;
  for_each_declaration(style, [&](std::string_view property, std::string_view value) {
    if (property == "list-style-type" || property == "list-style") {
      type = value.substr(0, value.find(' '));
    }
  });
  return type;
}

bool is_style_tight(std::string_view style, std::string_view classes) {
  const bool is_of_word = trim(classes).starts_with("Mso");
  Margins margins{is_of_word, is_of_word};
  for_each_declaration(style, [&](std::string_view property, std::string_view value) {
    if (property == "margin") margins = margins_of(value);
    if (property == "margin-top") margins.is_none_above = is_no_length(value);
    if (property == "margin-bottom") margins.is_none_below = is_no_length(value);
  });
  return margins.is_none_above && margins.is_none_below;
}

}  // namespace smtpgate::converter
