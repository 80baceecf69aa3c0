// See html_elements.h.
#include "converter/html_elements.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace smtpgate::converter {
namespace {

struct KnownElement {
  std::string_view name;
  HtmlElement element;
};

constexpr auto elements = std::to_array<KnownElement>({
    {"a", HtmlElement::anchor},
    {"address", HtmlElement::line},
    {"article", HtmlElement::line},
    {"aside", HtmlElement::line},
    {"blockquote", HtmlElement::quote},
    {"body", HtmlElement::line},
    {"br", HtmlElement::line_break},
    {"caption", HtmlElement::line},
    {"center", HtmlElement::line},
    {"dd", HtmlElement::definition},
    {"details", HtmlElement::line},
    {"dir", HtmlElement::list},
    {"div", HtmlElement::line},
    {"dl", HtmlElement::definitions},
    {"dt", HtmlElement::term},
    {"fieldset", HtmlElement::paragraph},
    {"figcaption", HtmlElement::line},
    {"figure", HtmlElement::paragraph},
    {"footer", HtmlElement::line},
    {"form", HtmlElement::paragraph},
    {"h1", HtmlElement::paragraph},
    {"h2", HtmlElement::paragraph},
    {"h3", HtmlElement::paragraph},
    {"h4", HtmlElement::paragraph},
    {"h5", HtmlElement::paragraph},
    {"h6", HtmlElement::paragraph},
    {"header", HtmlElement::line},
    {"hr", HtmlElement::rule},
    {"html", HtmlElement::line},
    {"img", HtmlElement::image},
    {"legend", HtmlElement::line},
    {"li", HtmlElement::item},
    {"listing", HtmlElement::preformatted},
    {"main", HtmlElement::line},
    {"menu", HtmlElement::list},
    {"nav", HtmlElement::line},
    {"ol", HtmlElement::numbered_list},
    {"option", HtmlElement::line},
    {"p", HtmlElement::paragraph},
    {"pre", HtmlElement::preformatted},
    {"q", HtmlElement::quotation},
    {"section", HtmlElement::line},
    {"summary", HtmlElement::line},
    {"sup", HtmlElement::superscript},
    {"table", HtmlElement::table},
    {"td", HtmlElement::cell},
    {"th", HtmlElement::cell},
    {"tr", HtmlElement::row},
    {"ul", HtmlElement::list},
    {"xmp", HtmlElement::preformatted},
});
static_assert(std::is_sorted(elements.begin(), elements.end(),
                             [](const KnownElement& a, const KnownElement& b) {
                               return a.name < b.name;
                             }));

/// Where the names of each letter begin; asked for every tag.
constexpr auto beginnings = [] {
  std::array<std::uint8_t, 27> places{};
  for (std::size_t letter = 0; letter < places.size(); ++letter) {
    const char first = static_cast<char>('a' + letter);
    std::uint8_t place = 0;
    while (place < elements.size() && elements[place].name[0] < first) ++place;
    places[letter] = place;
  }
  return places;
}();

}  // namespace

std::optional<HtmlElement> find_html_element(std::string_view name) {
  if (name.empty() || name[0] < 'a' || name[0] > 'z') return std::nullopt;
  const auto letter = static_cast<std::size_t>(name[0] - 'a');
  for (std::size_t place = beginnings[letter]; place < beginnings[letter + 1]; ++place) {
    if (elements[place].name == name) return elements[place].element;
  }
  return std::nullopt;
}

}  // namespace smtpgate::converter
