// Text that people look for: folding, and finding it in pieces.
#include "postoffice/folded_text.h"
#include "unit/catch.h"

namespace smtpgate::postoffice {
namespace {

bool finds(std::string_view text, std::string_view wanted, std::size_t piece) {
  TextFinder finder(wanted);
  bool is_found = false;
  while (!text.empty()) {
    // Whole characters only, as the converter gives them.
    std::size_t size = std::min(piece, text.size());
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) ++size;
    is_found = finder.feed(text.substr(0, size)) || is_found;
    text.remove_prefix(size);
  }
  return finder.finish() || is_found;
}

TEST_CASE("text is folded: case, composition, width, invisible characters, blanks") {
  CHECK(fold_text("Purchase  ORDER\r\n no. 7 ") == "purchase order no. 7");
  CHECK(fold_text("STRASSE") == fold_text("straße"));
  CHECK(fold_text("GRÖSSE") == fold_text("Gro\u0308ße"));
  CHECK(fold_text("Ｏｒｄｅｒ") == "order");
  CHECK(fold_text("or\u00ADder") == "order");  // a soft hyphen
  CHECK(fold_text("ΣΊΣΥΦΟΣ") == fold_text("σίσυφος"));
  CHECK(fold_text("").empty());
  CHECK(fold_text(" \n\t ").empty());
  CHECK(fold_text("a\xFF") == "a\uFFFD");
}

TEST_CASE("what is looked for is found wherever the pieces end, and over lines") {
  const std::string text = "The quick\r\n  brown Füchsin jumps\nover STRASSE 9";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    CAPTURE(piece);
    CHECK(finds(text, "QUICK brown", piece));
    CHECK(finds(text, "füchsin JUMPS over", piece));
    CHECK(finds(text, "straße 9", piece));
    CHECK(finds(text, "the", piece));
    CHECK_FALSE(finds(text, "brownfüchsin", piece));
    CHECK_FALSE(finds(text, "quick fox", piece));
  }
}

TEST_CASE("a text without any blank is searched in bounded memory") {
  TextFinder finder("needle");
  const std::string hay(std::size_t{1} << 20, 'x');
  CHECK_FALSE(finder.feed(hay));
  CHECK_FALSE(finder.feed(hay + "nee"));
  CHECK_FALSE(finder.finish());
  TextFinder other("xneedlex");
  other.feed(hay);
  other.feed("needle" + hay);
  CHECK(other.finish());
}

}  // namespace
}  // namespace smtpgate::postoffice
