// HTML to text on any octets: where the page is cut changes nothing, the text stays in proportion
// to the page and ends in one line end. The first octet chooses the cuts.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "converter/html_to_text.h"

namespace {

std::string convert(std::string_view page, std::size_t piece) {
  smtpgate::converter::HtmlToText converter;
  std::string text;
  while (!page.empty()) {
    const std::string copy(page.substr(0, piece));
    converter.feed(copy, text);
    page.remove_prefix(copy.size());
  }
  converter.finish(text);
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view page(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = convert(page, std::string_view::npos);
  const bool is_sound = whole == convert(page, std::size_t{data[0]} % 64 + 1) &&
                        (whole.empty() || whole.back() == '\n') &&
                        whole.size() < 100 + 100 * page.size();
  if (!is_sound) std::abort();
  return 0;
}
