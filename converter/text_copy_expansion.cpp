// TextCopyExpansion: see the header. What is blank is not offered: another part may say something.
#include "converter/text_copy_expansion.h"

#include <algorithm>

namespace smtpgate::converter {

namespace {
// Whoever writes more than that by hand does not; a program's file need not be there twice.
constexpr std::size_t most_text = std::size_t{1} << 20;

/// A program's file that is called text by its label.
bool has_binary(std::string_view utf8) {
  constexpr std::string_view in_texts = "\t\n\r\f\b\x1B";
  return std::any_of(utf8.begin(), utf8.end(), [in_texts](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet < ' ' && in_texts.find(c) == std::string_view::npos;
  });
}

}  // namespace

TextCopyExpansion::TextCopyExpansion(const ExpansionContext& context, const ContentType& type)
    : context_(context),
      segment_(type.parsed.parameter("charset"), "UTF-8", postoffice::LineEnd::lf,
               type.is("text", "html")) {}

void TextCopyExpansion::feed(std::string_view octets) {
  if (is_over()) return;
  segment_.feed(octets, ready_);
  hand_on();
}

void TextCopyExpansion::finish() {
  if (is_over()) return;
  segment_.finish(ready_);
  hand_on();
}

void TextCopyExpansion::hand_on() {
  if (segment_.has_content() && !is_offered_) {
    is_offered_ = true;
    context_.substitute.offer({}, false, {});
  }
  written_ += ready_.size();
  is_no_text_ = written_ > most_text || has_binary(ready_);
  if (is_offered_ && is_no_text_) {
    context_.substitute.take_back();
  } else if (is_offered_ && !error_) {
    if (auto written = context_.substitute.write(ready_); !written) error_ = written.error();
  }
  ready_.clear();
}

}  // namespace smtpgate::converter
