// See transfer_decoder.h. The identity encodings are here, the others in files of their own.
#include "converter/transfer_decoder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "converter/base64_decoder.h"
#include "converter/base64_quanta.h"
#include "converter/block_transfer_decoder.h"
#include "converter/quoted_printable_decoder.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"

namespace smtpgate::converter {
namespace {

/// Octets as they are.
class BinaryDecoder : public TransferDecoder {
 public:
  void feed(std::string_view piece, std::string& out) override { out += piece; }
  std::string_view decoded(std::string_view piece, std::string&) override { return piece; }
  void finish(std::string&) override {}
  std::uint64_t errors() const override { return 0; }
};

/// 7bit and 8bit: each CRLF becomes the line end wanted, other CR and LF stay.
class LineDecoder : public TransferDecoder {
 public:
  explicit LineDecoder(std::string_view line_end) : line_end_(line_end) {}

  void feed(std::string_view piece, std::string& out) override {
    if (piece.empty()) return;
    if (std::exchange(after_cr_, false)) {
      if (piece.front() == '\n') {
        out += line_end_;
        piece.remove_prefix(1);
      } else {
        out += '\r';
      }
    }
    while (!piece.empty()) {
      const void* const found = std::memchr(piece.data(), '\r', piece.size());
      if (found == nullptr) break;
      const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - piece.data());
      out.append(piece, 0, at);
      piece.remove_prefix(at + 1);
      if (piece.empty()) {
        after_cr_ = true;
      } else if (piece.front() == '\n') {
        out += line_end_;
        piece.remove_prefix(1);
      } else {
        out += '\r';
      }
    }
    out += piece;
  }
  void finish(std::string& out) override {
    if (std::exchange(after_cr_, false)) out += '\r';
  }
  std::uint64_t errors() const override { return 0; }

 private:
  std::string line_end_;
  bool after_cr_ = false;
};

constexpr std::size_t judged_octets = 1024;

/// A line that is too long for a word, and has what base64 of so many octets has and rules, numbers
/// and checksums have not: letters of both cases, digits, a length that is a multiple of 4.
bool is_long_line_of_base64(std::string_view line) {
  constexpr std::size_t longest_word = 40;
  const auto has = [line](char first, char last) {
    return std::any_of(line.begin(), line.end(), [=](char c) { return c >= first && c <= last; });
  };
  return line.size() > longest_word && line.size() % 4 == 0 && has('a', 'z') && has('A', 'Z') &&
         has('0', '9');
}

/// Whether whole quanta of base64 give text that somebody may have written.
bool is_base64_of_text(std::string_view data) {
  constexpr std::size_t least = 12;
  if (data.size() < least || data.size() % 4 != 0) return false;
  Base64Decoder decoder;
  std::string text;
  decoder.feed(data, text);
  return postoffice::is_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return (c >= 0 && c < ' ' && !is_blank_or_line_end(c)) || c == '\x7F';
         });
}

/// Whole lines of base64 that end in padding, a long one, or some that give text: what follows was
/// put behind it, as lists put their footers. Where that begins; `text`'s size if it is not known.
std::optional<std::size_t> end_of_base64(std::string_view text) {
  std::string data;
  bool has_long_line = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = trim(text.substr(at, end - at));
    const std::size_t characters = std::min(line.find_first_not_of(base64_alphabet), line.size());
    const std::size_t padding = line.size() - characters;
    if (line.substr(characters) != std::string_view("==").substr(0, padding)) {
      if (data.size() % 4 == 0 && (has_long_line || is_base64_of_text(data))) return at;
      return has_long_line ? std::optional(text.size()) : std::nullopt;
    }
    data += line;
    if (padding > 0) return data.size() % 4 == 0 ? std::optional(text.size()) : std::nullopt;
    has_long_line = has_long_line || is_long_line_of_base64(line);
    at = end + 1;
  }
  return has_long_line ? std::optional(text.size()) : std::nullopt;
}

/// Base64 has no blanks between its characters, and few octets of another alphabet get into it.
bool is_plainly_no_base64(std::string_view text) {
  std::size_t data = 0;
  std::size_t foreign = 0;
  char before = '\n';
  for (const char c : text) {
    if (c == '\r' || c == '\n') {
      before = c;
      continue;
    }
    const bool is_inner_blank = is_blank(before) && !is_blank(c) && data > 0;
    if (!is_blank(c)) ++data;
    if (is_inner_blank ||
        (!is_blank(c) && base64_alphabet_and_padding.find(c) == std::string_view::npos)) {
      ++foreign;
    }
    before = c;
  }
  return foreign > 1 && foreign * 16 > data;
}

/// Text that is labelled base64: its beginning is looked at before the label is believed.
class DoubtfulBase64Decoder : public TransferDecoder {
 public:
  DoubtfulBase64Decoder(TransferEncoding& encoding, std::string_view line_end)
      : encoding_(encoding), line_end_(line_end) {}

  void feed(std::string_view piece, std::string& out) override {
    if (!decoder_) {
      held_ += piece;
      if (held_.size() < judged_octets) return;
      judge(out);
    } else {
      decoder_->feed(piece, out);
    }
  }
  std::size_t count(std::string_view piece, std::string& room) override {
    return decoder_ ? decoder_->count(piece, room) : TransferDecoder::count(piece, room);
  }
  void finish(std::string& out) override {
    if (!decoder_) judge(out);
    decoder_->finish(out);
  }
  std::uint64_t errors() const override { return decoder_ ? decoder_->errors() : 0; }

 private:
  void judge(std::string& out) {
    const std::string held = std::exchange(held_, {});
    const std::string_view text = held;
    const std::string_view beginning = text.substr(0, judged_octets);
    const bool is_doubtful = is_plainly_no_base64(beginning);
    const auto end = is_doubtful ? end_of_base64(beginning) : beginning.size();
    if (!end) encoding_ = TransferEncoding::eight_bit;
    if (end && *end < beginning.size()) {
      auto decoder = std::make_unique<Base64Decoder>();
      decoder->feed(text.substr(0, *end), out);
      decoder->end_data();
      decoder_ = std::move(decoder);
      decoder_->feed(text.substr(*end), out);
      return;
    }
    decoder_ = make_transfer_decoder(encoding_, line_end_);
    decoder_->feed(text, out);
  }

  TransferEncoding& encoding_;
  std::string line_end_;
  std::string held_;  ///< one piece more than judged_octets at most
  std::unique_ptr<TransferDecoder> decoder_;
};

/// Without comments, in lower case; everything from a ';' or ',' on is no part of the mechanism.
std::string mechanism_of(std::string_view value) {
  std::string result;
  std::size_t comments = 0;
  for (std::size_t at = 0; at < value.size(); ++at) {
    const char c = value[at];
    if (c == '\\' && comments > 0) {
      ++at;
    } else if (c == '(') {
      ++comments;
    } else if (c == ')' && comments > 0) {
      --comments;
    } else if (comments == 0) {
      if (c == ';' || c == ',') break;
      result += ascii_lower(c);
    }
  }
  return result;
}

/// Letters and digits alone: "8-bit", "base_64", "\"quoted printable\"" and the like are clear.
std::string letters_and_digits(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (is_ascii_alpha(c) || is_ascii_digit(c)) result += c;
  }
  return result;
}

constexpr std::array<std::pair<std::string_view, TransferEncoding>, 25> names = {{
    {"", TransferEncoding::seven_bit},
    {"7bit", TransferEncoding::seven_bit},
    {"8bit", TransferEncoding::eight_bit},
    {"binary", TransferEncoding::binary},
    {"quotedprintable", TransferEncoding::quoted_printable},
    {"xquotedprintable", TransferEncoding::quoted_printable},
    {"base64", TransferEncoding::base64},
    {"xbase64", TransferEncoding::base64},
    {"uuencode", TransferEncoding::file_in_text},
    {"xuuencode", TransferEncoding::file_in_text},
    {"uuencoded", TransferEncoding::file_in_text},
    {"xuuencoded", TransferEncoding::file_in_text},
    {"uue", TransferEncoding::file_in_text},
    {"xuue", TransferEncoding::file_in_text},
    {"uu", TransferEncoding::file_in_text},
    {"xuu", TransferEncoding::file_in_text},
    {"xxencode", TransferEncoding::file_in_text},
    {"xxxencode", TransferEncoding::file_in_text},
    {"yencode", TransferEncoding::file_in_text},
    {"xyencode", TransferEncoding::file_in_text},
    {"yenc", TransferEncoding::file_in_text},
    {"xyenc", TransferEncoding::file_in_text},
    {"macbinhex40", TransferEncoding::file_in_text},
    {"xmacbinhex40", TransferEncoding::file_in_text},
    {"binhex", TransferEncoding::file_in_text},
}};

TransferEncoding by_name(const std::string& name) {
  for (const auto& [known, encoding] : names) {
    if (name == known) return encoding;
  }
  return TransferEncoding::unknown;
}

}  // namespace

TransferEncoding parse_transfer_encoding(std::string_view value) {
  const std::string mechanism = mechanism_of(value);
  const TransferEncoding whole = by_name(letters_and_digits(mechanism));
  if (whole != TransferEncoding::unknown) return whole;
  const std::string_view words = trim(mechanism);
  return by_name(letters_and_digits(words.substr(0, words.find_first_of(" \t\r\n"))));
}

std::unique_ptr<TransferDecoder> make_transfer_decoder(TransferEncoding encoding,
                                                       std::string_view line_end) {
  switch (encoding) {
    case TransferEncoding::base64:
      return std::make_unique<Base64Decoder>();
    case TransferEncoding::quoted_printable:
      return std::make_unique<QuotedPrintableDecoder>(line_end);
    case TransferEncoding::file_in_text:
      return std::make_unique<BlockTransferDecoder>();
    case TransferEncoding::binary:
    case TransferEncoding::seven_bit:
    case TransferEncoding::eight_bit:
    case TransferEncoding::unknown:
      break;
  }
  if (keeps_octets(encoding, line_end)) return std::make_unique<BinaryDecoder>();
  return std::make_unique<LineDecoder>(line_end);
}

std::unique_ptr<TransferDecoder> make_text_decoder(TransferEncoding& encoding,
                                                   std::string_view line_end) {
  if (encoding != TransferEncoding::base64) return make_transfer_decoder(encoding, line_end);
  return std::make_unique<DoubtfulBase64Decoder>(encoding, line_end);
}

bool keeps_octets(TransferEncoding encoding, std::string_view line_end) {
  switch (encoding) {
    case TransferEncoding::base64:
    case TransferEncoding::quoted_printable:
    case TransferEncoding::file_in_text:
      return false;
    case TransferEncoding::binary:
      return true;
    case TransferEncoding::seven_bit:
    case TransferEncoding::eight_bit:
    case TransferEncoding::unknown:
      break;
  }
  return line_end == "\r\n";  // CRLF is there already
}

}  // namespace smtpgate::converter
