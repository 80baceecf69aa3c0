// The elements of HTML that plain text shows in some way, by what they do to its lines. All others
// (b, span, font, tbody ...) leave no trace.
#pragma once

#include <optional>
#include <string_view>

namespace smtpgate::converter {

enum class HtmlElement {
  paragraph,  // a blank line around it
  line,       // a line of its own
  line_break,
  rule,
  preformatted,
  quote,
  list,
  numbered_list,
  item,
  definitions,  // a list of them
  term,
  definition,
  table,
  row,
  cell,
  anchor,
  image,
  quotation,  // in quotation marks
  superscript,
};

/// `name` in lower case.
std::optional<HtmlElement> find_html_element(std::string_view name);

}  // namespace smtpgate::converter
