// See mime_parser.h: bare LF to CRLF, without a copy where nothing is to be done.
#include <cstring>

#include "converter/block_scan.h"
#include "converter/mime_parser.h"

namespace smtpgate::converter {
namespace {

/// Where the next LF without a CR before it stands, from `from` on; npos if there is none.
std::size_t find_bare_line_feed(std::string_view text, std::size_t from, bool after_cr,
                                BlockScan& scan) {
  const auto is_bare = [](char before, char c) { return (before != '\r') & (c == '\n'); };
  while (from < text.size()) {
    if (from > 0) from = scan.skip(text, from - 1, is_bare) + 1;
    const void* found = std::memchr(text.data() + from, '\n', text.size() - from);
    if (found == nullptr) break;
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    const bool has_cr = at == 0 ? after_cr : text[at - 1] == '\r';
    if (!has_cr) return at;
    from = at + 1;
  }
  return std::string_view::npos;
}

}  // namespace

std::string_view CrlfNormalizer::feed(std::string_view piece) {
  if (piece.empty()) return piece;
  const bool after_cr = after_cr_;
  after_cr_ = piece.back() == '\r';
  BlockScan scan;
  std::size_t bare = find_bare_line_feed(piece, 0, after_cr, scan);
  if (bare == std::string_view::npos) return piece;
  buffer_.clear();
  buffer_.reserve(piece.size() + piece.size() / 16 + 16);
  std::size_t copied = 0;
  while (bare != std::string_view::npos) {
    buffer_.append(piece.substr(copied, bare - copied));
    buffer_.append("\r\n");
    copied = bare + 1;
    bare = find_bare_line_feed(piece, copied, false, scan);
  }
  buffer_.append(piece.substr(copied));
  return buffer_;
}

}  // namespace smtpgate::converter
