// RtfCharacters: see the header. Decoders are kept open, because a document may change its font at
// every word.
#include "converter/rtf_characters.h"

#include "converter/code_page.h"
#include "converter/mail_charset.h"
#include "postoffice/ascii.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

namespace {

// A document that names more code pages than there are gets windows-1252 for the rest.
constexpr std::size_t most_decoders = 100;
constexpr unsigned usual_code_page = 1252;

}  // namespace

postoffice::CharacterDecoder* RtfCharacters::decoder_for(unsigned code_page) {
  auto found = decoders_.find(code_page);
  if (found == decoders_.end()) {
    if (decoders_.size() >= most_decoders) {
      return code_page == usual_code_page ? nullptr : decoder_for(usual_code_page);
    }
    const std::string set = charset_for_label(charset_of_code_page(code_page)).set;
    std::optional<postoffice::CharacterDecoder> decoder;
    if (!set.empty()) decoder = postoffice::CharacterDecoder::open(set);
    found = decoders_.emplace(code_page, std::move(decoder)).first;
  }
  if (found->second) return &*found->second;
  return code_page == usual_code_page ? nullptr : decoder_for(usual_code_page);
}

void RtfCharacters::octets(std::string_view octets, unsigned code_page, std::string& out) {
  if (high_surrogate_ != 0 || (current_ != nullptr && current_page_ != code_page)) flush(out);
  const bool is_single = is_single_octet_code_page(code_page);
  if (is_single && is_ascii(octets)) {
    out += octets;
    return;
  }
  postoffice::CharacterDecoder* const decoder = decoder_for(code_page);
  if (decoder == nullptr) {
    out += postoffice::repair_utf8(octets);
    return;
  }
  decoder->feed(octets, out);
  current_ = is_single ? nullptr : decoder;
  current_page_ = code_page;
}

void RtfCharacters::utf16_unit(std::int32_t unit, std::string& out) {
  if (current_ != nullptr) {
    current_->finish(out);
    current_ = nullptr;
  }
  const auto code = static_cast<char32_t>(static_cast<std::uint16_t>(unit));
  const bool is_high = code >= 0xD800 && code < 0xDC00;
  const bool is_low = code >= 0xDC00 && code < 0xE000;
  if (is_low && high_surrogate_ != 0) {
    postoffice::append_utf8(0x10000 + ((high_surrogate_ - 0xD800) << 10U) + (code - 0xDC00), out);
    high_surrogate_ = 0;
    return;
  }
  flush(out);
  if (is_high) {
    high_surrogate_ = code;
  } else if (is_low) {
    out += postoffice::replacement_character;
  } else if (code == 0xF0B7) {
    out += "\xE2\x80\xA2";  // the bullet of the Symbol font, which is what lists use
  } else if (code == 0xF0A7) {
    out += "\xE2\x96\xAA";  // that of Wingdings
  } else {
    postoffice::append_utf8(code, out);
  }
}

void RtfCharacters::flush(std::string& out) {
  if (current_ != nullptr) current_->finish(out);
  current_ = nullptr;
  if (high_surrogate_ != 0) out += postoffice::replacement_character;
  high_surrogate_ = 0;
}

}  // namespace smtpgate::converter
