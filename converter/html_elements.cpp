// See html_elements.h.
#include "converter/html_elements.h"

#include <algorithm>
#include <array>

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
    {"dl", HtmlElement::paragraph},
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
    {"section", HtmlElement::line},
    {"summary", HtmlElement::line},
    {"table", HtmlElement::table},
    {"td", HtmlElement::cell},
    {"template", HtmlElement::hidden},
    {"th", HtmlElement::cell},
    {"tr", HtmlElement::row},
    {"ul", HtmlElement::list},
    {"xmp", HtmlElement::preformatted},
});
static_assert(std::is_sorted(elements.begin(), elements.end(),
                             [](const KnownElement& a, const KnownElement& b) {
                               return a.name < b.name;
                             }));

}  // namespace

std::optional<HtmlElement> find_html_element(std::string_view name) {
  const auto place = std::lower_bound(
      elements.begin(), elements.end(), name,
      [](const KnownElement& known, std::string_view n) { return known.name < n; });
  if (place == elements.end() || place->name != name) return std::nullopt;
  return place->element;
}

}  // namespace smtpgate::converter
