// Pieces of text; see the header. Nothing here does I/O.
#include "postoffice/mmff_text.h"

#include <algorithm>
#include <utility>

namespace smtpgate::postoffice {

std::string character_set_of(const MessageHeader& header, std::string_view fallback) {
  std::string set = header.field(ext::character_set).value_or(std::string(fallback));
  return is_known_character_set(set) ? set : "UTF-8";
}

RenderedHeaderSplitter::Pieces RenderedHeaderSplitter::split(std::string_view piece) {
  std::size_t at = 0;
  while (lines_ > 0 && at < piece.size()) {
    const char last = line_end_ == LineEnd::cr ? '\r' : '\n';
    const auto end = piece.find(last, at);
    if (end == std::string_view::npos) {
      at = piece.size();
      break;
    }
    // In a CRLF file a bare LF ends no line.
    const bool ends_line =
        line_end_ != LineEnd::crlf || (end == 0 ? after_cr_ : piece[end - 1] == '\r');
    if (ends_line) --lines_;
    at = end + 1;
  }
  if (!piece.empty()) after_cr_ = piece.back() == '\r';
  return {piece.substr(0, at), piece.substr(at)};
}

Utf8Converter::Utf8Converter(const std::string& character_set)
    : decoder_([&character_set] {
        auto decoder = CharacterDecoder::open(character_set);
        return decoder ? std::move(*decoder) : std::move(*CharacterDecoder::open("UTF-8"));
      }()) {}

std::string_view Utf8Converter::convert(std::string_view piece) {
  out_.clear();
  decoder_.feed(piece, out_);
  return out_;
}

std::string_view Utf8Converter::finish() {
  out_.clear();
  decoder_.finish(out_);
  return out_;
}

std::string LineFeedConverter::convert(std::string_view piece) {
  if (line_end_ == LineEnd::lf) return std::string(piece);
  std::string result;
  result.reserve(piece.size() + 1);
  if (line_end_ == LineEnd::cr) {
    result = piece;
    std::replace(result.begin(), result.end(), '\r', '\n');
    return result;
  }
  for (const char c : piece) {
    if (std::exchange(cr_kept_, c == '\r') && c != '\n') result += '\r';
    if (c != '\r') result += c;
  }
  return result;
}

std::string LineFeedConverter::finish() {
  return std::exchange(cr_kept_, false) ? "\r" : "";
}

}  // namespace smtpgate::postoffice
