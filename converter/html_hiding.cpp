// See html_hiding.h.
#include "converter/html_hiding.h"

#include <algorithm>
#include <array>

#include "converter/html_elements.h"
#include "converter/html_style.h"

namespace smtpgate::converter {
namespace {

// Of elements open at a time; the rest is not counted, and may end what is hidden too early.
constexpr std::size_t most_names = 100;

template <std::size_t Count>
bool is_one_of(std::string_view name, const std::array<std::string_view, Count>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::array<std::string_view, 3> row_groups = {"tbody", "thead", "tfoot"};
constexpr std::array<std::string_view, 4> lists = {"ul", "ol", "dir", "menu"};

/// Elements without contents.
bool is_void(std::string_view name) {
  constexpr std::array<std::string_view, 14> names = {"area",  "base",   "br",    "col",  "embed",
                                                      "hr",    "img",    "input", "link", "meta",
                                                      "param", "source", "track", "wbr"};
  return is_one_of(name, names);
}

/// Elements that are no run of a line's text.
bool is_block(std::string_view name) {
  const auto element = find_html_element(name);
  if (!element) return is_one_of(name, row_groups);
  return *element != HtmlElement::anchor && *element != HtmlElement::image &&
         *element != HtmlElement::line_break && *element != HtmlElement::quotation &&
         *element != HtmlElement::superscript;
}

/// A whole page that is hidden is one that a style sheet or a script shows.
bool is_hidden(const HtmlTag& tag) {
  const bool is_asked = tag.has(HtmlTag::hidden) || tag.has(HtmlTag::style);
  if (!is_asked) return tag.name() == "template";
  if (tag.name().empty() || tag.name() == "html" || tag.name() == "body") return false;
  return tag.has(HtmlTag::hidden) || is_style_hidden(tag.attribute(HtmlTag::style));
}

}  // namespace

bool HtmlHiding::start_tag(const HtmlTag& tag) {
  if (is_on()) {
    if (!is_ended_by(tag.name())) {
      if (!is_void(tag.name())) count(tag.name());
      return true;
    }
    name_.clear();
  }
  if (!is_hidden(tag)) return false;
  if (!is_void(tag.name())) begin(tag.name());
  return true;
}

bool HtmlHiding::end_tag(std::string_view name) {
  if (!is_on()) return false;
  const auto place = open_.find(name);
  if (place != open_.end()) {
    if (--place->second == 0) {
      open_.erase(place);
      if (name == name_) name_.clear();
    }
    return true;
  }
  // Of something that is open around it, or of nothing at all, as "</p>" and "</br>" may be.
  const bool is_of_nothing = name == "p" || is_void(name) || (!is_block(name) && is_block(name_));
  if (!is_of_nothing) name_.clear();
  return is_of_nothing;
}

void HtmlHiding::begin(std::string_view name) {
  name_ = name;
  open_.clear();
  count(name);
}

void HtmlHiding::count(std::string_view name) {
  const auto place = open_.find(name);
  if (place != open_.end()) {
    ++place->second;
  } else if (open_.size() < most_names) {
    open_.emplace(name, 1);
  }
}

bool HtmlHiding::is_open(std::string_view name) const {
  return open_.find(name) != open_.end();
}

/// Elements whose end tag may be left out (HTML, 13.1.2.4), as far as they show text.
bool HtmlHiding::is_ended_by(std::string_view next) const {
  const auto next_is = [next](const auto& names) { return is_one_of(next, names); };
  const bool has_table = is_open("table");
  const bool has_list = std::any_of(lists.begin(), lists.end(),
                                    [this](std::string_view list) { return is_open(list); });
  const bool is_cell = next == "td" || next == "th";
  const bool is_row = next == "tr" || next_is(row_groups);
  if (name_ == "p") return is_block(next);
  if (name_ == "dt" || name_ == "dd") return (next == "dt" || next == "dd") && !is_open("dl");
  if (name_ == "tr") return is_row && !has_table;
  if (is_one_of(name_, row_groups)) return next_is(row_groups) && !has_table;
  // The next cell or item of a table or a list around it ends whatever is open in the last one.
  if (is_cell || is_row) return !has_table;
  if (next == "li") return !has_list;
  return name_ == "option" && next == "option";
}

}  // namespace smtpgate::converter
