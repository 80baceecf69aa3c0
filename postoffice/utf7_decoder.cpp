// UTF-7: see the header.
#include "postoffice/utf7_decoder.h"

#include "postoffice/ascii.h"
#include "postoffice/utf8.h"

namespace smtpgate::postoffice {

namespace {

constexpr int bits_of_octet = 6;
constexpr int bits_of_unit = 16;

/// Where a '+' or an octet beyond ASCII stands. One look for both: two, of which the nearer find
/// counts, would read the rest once for each of them.
std::size_t end_of_plain_text(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] != '+' && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

/// The six bits that an octet of base64 stands for; -1 for any other.
int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool is_high_surrogate(char32_t unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}

bool is_low_surrogate(char32_t unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

}  // namespace

bool Utf7Decoder::decodes(std::string_view set) {
  return equals_ignoring_case(set, "UTF-7") || equals_ignoring_case(set, "UTF7");
}

void Utf7Decoder::replace(std::string& out) {
  out += replacement_character;
  ++replaced_;
}

void Utf7Decoder::take_unit(char32_t unit, std::string& out) {
  if (high_ != 0 && is_low_surrogate(unit)) {
    append_utf8(0x10000 + ((high_ - 0xD800) << 10) + (unit - 0xDC00), out);
    high_ = 0;
    return;
  }
  if (high_ != 0) replace(out);
  high_ = 0;
  if (is_high_surrogate(unit)) {
    high_ = unit;
  } else if (is_low_surrogate(unit)) {
    replace(out);
  } else {
    append_utf8(unit, out);
  }
}

void Utf7Decoder::end_run(std::string& out) {
  if (run_is_empty_) {
    out += '+';
    ++replaced_;
  } else if (high_ != 0 || bit_count_ >= bits_of_octet || bits_ != 0) {
    // What fills a run's last octet is less than an octet's bits, and zeros.
    replace(out);
  }
  in_run_ = run_is_empty_ = false;
  bits_ = 0;
  bit_count_ = 0;
  high_ = 0;
}

void Utf7Decoder::feed(std::string_view piece, std::string& out) {
  for (std::size_t at = 0; at < piece.size();) {
    if (!in_run_) {
      const std::size_t end = end_of_plain_text(piece, at);
      out.append(piece.substr(at, end - at));
      at = end;
      if (at == piece.size()) return;
      in_run_ = run_is_empty_ = piece[at] == '+';
      if (!in_run_) replace(out);
      ++at;
      continue;
    }
    const int value = base64_value(piece[at]);
    if (value < 0) {
      const bool is_end = piece[at] == '-';
      if (is_end && run_is_empty_) {
        out += '+';
        in_run_ = run_is_empty_ = false;
      } else {
        end_run(out);
      }
      if (is_end) ++at;
      continue;  // any other octet is text, or nothing, behind the run
    }
    run_is_empty_ = false;
    bits_ = bits_ << bits_of_octet | static_cast<std::uint32_t>(value);
    bit_count_ += bits_of_octet;
    if (bit_count_ >= bits_of_unit) {
      bit_count_ -= bits_of_unit;
      take_unit(bits_ >> bit_count_, out);
      bits_ &= (1U << bit_count_) - 1;
    }
    ++at;
  }
}

void Utf7Decoder::finish(std::string& out) {
  if (in_run_) end_run(out);
}

}  // namespace smtpgate::postoffice
