// The text on its way out: see the header. Encodings are chosen by what the survey found.
#include "converter/outbound_text.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "converter/base64_encoder.h"
#include "converter/flowed_text.h"
#include "converter/mime_parameters.h"
#include "converter/part_note.h"
#include "converter/quoted_printable_encoder.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/mmff_text.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t piece_size = std::size_t{64} << 10;
constexpr std::uint64_t longest_plain_line = 998;

void append_with_crlf(std::string_view lines, std::string& out) {
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    out += lines.substr(0, end);
    if (end == std::string_view::npos) return;
    out += "\r\n";
    lines.remove_prefix(end + 1);
  }
}

/// The three encodings behind one pair of calls.
class TextEncoding {
 public:
  TextEncoding(bool seven_bit, bool use_base64) : seven_bit_(seven_bit), base64_(use_base64) {}

  void feed(std::string_view lines, std::string& out) {
    if (seven_bit_) {
      append_with_crlf(lines, out);
    } else if (base64_) {
      std::string with_crlf;
      append_with_crlf(lines, with_crlf);
      base64_encoder_.feed(with_crlf, out);
    } else {
      quoted_.feed(lines, out);
    }
  }
  void finish(std::string& out) {
    if (seven_bit_) return;
    if (base64_) {
      base64_encoder_.finish(out);
    } else {
      quoted_.finish(out);
    }
  }

 private:
  bool seven_bit_;
  bool base64_;
  Base64Encoder base64_encoder_;
  QuotedPrintableEncoder quoted_;
};

constexpr std::size_t longest_file_mark = 21;

/// "begin 644", "=ybegin", "(This file must be converted with BinHex": what text_file_scanner.h
/// looks for, and more.
bool has_file_mark(std::string_view text) {
  constexpr std::string_view begin = "begin ";
  for (std::size_t at = text.find(begin); at != std::string_view::npos;
       at = text.find(begin, at + 1)) {
    const std::size_t behind = at + begin.size();
    if (behind < text.size() && is_ascii_digit(text[behind])) return true;
  }
  return text.find("=ybegin ") != std::string_view::npos ||
         text.find("converted with BinHex") != std::string_view::npos;
}

}  // namespace

OutboundText::OutboundText(const SpoolPlace& place, std::string_view boundary)
    : octets_(place), survey_("--" + std::string(boundary)) {}

/// One kind of line end; for plain peers also lines that any of them can take.
void OutboundText::add_lines(std::string_view utf8, std::string& out) {
  if (!plain_ && !after_cr_ && utf8.find('\r') == std::string_view::npos) {
    out += utf8;
    return;
  }
  for (const char c : utf8) {
    if (c == '\n' && after_cr_) {
      after_cr_ = false;
      continue;
    }
    after_cr_ = c == '\r';
    if (c == '\r' || c == '\n') {
      out += '\n';
      column_ = 0;
      continue;
    }
    if (plain_ && column_ == longest_plain_line) {
      out += '\n';
      column_ = 0;
    }
    const auto octet = static_cast<unsigned char>(c);
    const bool is_control = (octet < ' ' && c != '\t' && c != '\f') || octet == 0x7F;
    out += plain_ && is_control ? ' ' : c;
    ++column_;
  }
}

/// Anywhere in a line: lines are broken on the way, and what is found in vain costs one header
/// line.
void OutboundText::look_for_files(std::string_view lines) {
  const std::size_t before = std::min(longest_file_mark, lines.size());
  last_octets_ += lines.substr(0, before);
  may_hold_file_ = may_hold_file_ || has_file_mark(last_octets_) || has_file_mark(lines);
  last_octets_ += lines.substr(before);
  if (last_octets_.size() > longest_file_mark) {
    last_octets_.erase(0, last_octets_.size() - longest_file_mark);
  }
}

Expected<void> OutboundText::keep(std::string_view octets) {
  std::string lines;
  add_lines(octets, lines);
  survey_.feed(lines);
  look_for_files(lines);
  if (auto written = octets_.write(lines); !written) return failure(written.error().outcome());
  return {};
}

Expected<void> OutboundText::read(postoffice::Reader& reader,
                                  const postoffice::MessageHeader& header,
                                  const std::string& character_set, bool plain) {
  plain_ = plain;
  const ParameterizedValue format =
      parse_parameterized(header.field(postoffice::ext::text_format).value_or(""));
  is_flowed_already_ = equals_ignoring_case(format.value, "flowed");
  deletes_space_ = equals_ignoring_case(format.parameter("delsp"), "yes");
  postoffice::RenderedHeaderSplitter splitter(header.header_lines, reader.line_end());
  auto decoder = postoffice::CharacterDecoder::open(character_set);
  if (!decoder) decoder = postoffice::CharacterDecoder::open("UTF-8");
  std::optional<postoffice::CharacterEncoder> encoder;
  if (plain) encoder = postoffice::CharacterEncoder::open("US-ASCII");
  const auto buffer = std::make_unique_for_overwrite<char[]>(piece_size);
  std::string utf8;
  std::string ascii;
  for (bool more = true; more;) {
    const auto count = reader.read({buffer.get(), piece_size});
    if (!count) return failure(count.error().outcome());
    more = *count > 0;
    utf8.clear();
    if (more) {
      decoder->feed(splitter.split({buffer.get(), *count}).text, utf8);
    } else {
      decoder->finish(utf8);
    }
    if (encoder) {
      ascii.clear();
      encoder->feed(utf8, ascii);
      if (!more) encoder->finish(ascii);
    }
    if (auto kept = keep(encoder ? ascii : utf8); !kept) return kept;
  }
  survey_.finish();
  replaced_ = decoder->replaced() + (encoder ? encoder->replaced() : 0);
  return {};
}

std::string OutboundText::fields() const {
  std::string text = "Content-Type: text/plain; charset=";
  // A reader may take escapes in ASCII for a set of its own.
  text += survey_.is_ascii() && !survey_.has_controls() ? "us-ascii" : "utf-8";
  if (breaks_lines() || is_flowed_already_) text += "; format=flowed";
  if (is_flowed_already_ && deletes_space_) text += "; delsp=yes";
  text += "\r\nContent-Transfer-Encoding: ";
  if (survey_.is_seven_bit(breaks_lines())) {
    text += "7bit";
  } else {
    text += survey_.prefers_base64() ? "base64" : "quoted-printable";
  }
  text += "\r\n";
  PartNote note;
  note.is_text = may_hold_file_;
  write_part_note(text, note);
  return text;
}

Expected<bool> OutboundText::write(postoffice::ByteSink& sink) {
  const bool flowed = breaks_lines();
  TextEncoding encoding(plain_ || survey_.is_seven_bit(flowed), survey_.prefers_base64());
  FlowedWriter flow;
  std::string lines;
  std::string encoded;
  bool ends_line = true;
  std::optional<Outcome> trouble;
  const auto pass_on = [&] {
    if (!encoded.empty()) ends_line = encoded.back() == '\n';
    if (auto written = sink.write(encoded); !written) trouble = written.error().outcome();
    encoded.clear();
    return !trouble;
  };
  const auto take = [&](std::string_view piece) {
    lines.clear();
    if (flowed) flow.feed(piece, lines);
    encoding.feed(flowed ? std::string_view(lines) : piece, encoded);
    return pass_on();
  };
  if (auto all = octets_.for_each_piece(piece_size, take); !all) {
    return failure(all.error().outcome());
  }
  if (trouble) return failure(*trouble);
  lines.clear();
  flow.finish(lines);
  encoding.feed(lines, encoded);
  encoding.finish(encoded);
  if (!pass_on()) return failure(*trouble);
  return ends_line;
}

}  // namespace smtpgate::converter
