// See hz_decoder.h.
#include "postoffice/hz_decoder.h"

#include <utility>

#include "postoffice/ascii.h"
#include "postoffice/utf8.h"

namespace smtpgate::postoffice {

namespace {

char with_high_bit(char octet) {
  return static_cast<char>(static_cast<unsigned char>(octet) | 0x80U);
}

}  // namespace

bool HzDecoder::decodes(std::string_view set) {
  return equals_ignoring_case(set, "HZ") || equals_ignoring_case(set, "HZ-GB-2312");
}

void HzDecoder::feed(std::string_view piece, std::string& out) {
  for (const char octet : piece) take(octet, out);
  chinese_.flush(out);
}

void HzDecoder::take(char octet, std::string& out) {
  if (behind_tilde_) return take_behind_tilde(octet, out);
  if (static_cast<unsigned char>(octet) >= 0x80) {
    drop_half(out);
    chinese_.add(octet, out);
  } else if (octet == '~' && first_ == 0) {
    behind_tilde_ = true;
  } else if (is_chinese_ && octet > ' ' && octet != '\x7F') {
    take_chinese(octet, out);
  } else {
    drop_half(out);
    // A line that does not end in ASCII must not spoil the next one.
    if (octet == '\n') is_chinese_ = false;
    take_ascii(octet, out);
  }
}

void HzDecoder::take_behind_tilde(char octet, std::string& out) {
  const bool was_cr = std::exchange(behind_tilde_and_cr_, false);
  if (octet == '\r' && !was_cr) {
    behind_tilde_and_cr_ = true;
    return;
  }
  behind_tilde_ = false;
  if (octet == '\n') return;  // a line that only the sender's program broke
  if (was_cr) {
    take_ascii('~', out);
    take_ascii('\r', out);
    take(octet, out);
  } else if (octet == '{' || octet == '}') {
    is_chinese_ = octet == '{';
  } else if (octet == '~') {
    take_ascii('~', out);
  } else {
    take_ascii('~', out);
    take(octet, out);
  }
}

void HzDecoder::take_chinese(char octet, std::string& out) {
  constexpr char last_lead = '\x77';
  if (first_ == 0 && octet > last_lead) return take_ascii(octet, out);
  if (first_ == 0) {
    first_ = octet;
    return;
  }
  chinese_.add(with_high_bit(std::exchange(first_, '\0')), out);
  chinese_.add(with_high_bit(octet), out);
}

void HzDecoder::take_ascii(char octet, std::string& out) {
  chinese_.end(out);
  out += octet;
}

void HzDecoder::drop_half(std::string& out) {
  if (std::exchange(first_, '\0') == 0) return;
  chinese_.end(out);
  out += replacement_character;
  ++replaced_;
}

void HzDecoder::finish(std::string& out) {
  drop_half(out);
  chinese_.end(out);
  if (std::exchange(behind_tilde_, false)) out += '~';
  if (std::exchange(behind_tilde_and_cr_, false)) out += '\r';
  is_chinese_ = false;
}

}  // namespace smtpgate::postoffice
