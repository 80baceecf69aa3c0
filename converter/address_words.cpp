// Words to names and addresses: see address_words.h.
#include "converter/address_words.h"

#include <algorithm>
#include <utility>

#include "converter/encoded_word.h"
#include "converter/mail_text_decoder.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"

namespace smtpgate::converter {

namespace {

using Kind = AddressToken::Kind;
using Tokens = AddressTokens;

/// One half of an address: tokens [begin, end) put together.
std::string address_part(const Tokens& tokens, std::size_t begin, std::size_t end, bool keep_blanks,
                         bool& odd) {
  std::string text;
  for (std::size_t index = begin; index < end; ++index) {
    const AddressToken& token = tokens[index];
    if (index > begin && token.after_blank && !touches_by_dot(tokens[index - 1], token)) {
      odd = true;
      if (keep_blanks) text += ' ';
    }
    if (token.kind == Kind::encoded_word) {
      odd = true;
      text += decode_header_text(token.text).text;
    } else {
      text += token.text;
    }
  }
  if (!postoffice::is_utf8(text)) {
    odd = true;
    text = decode_labelled(text, "");
  }
  return without_controls(std::move(text), odd);
}

InternetAddress split_at_sign(const std::string& text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string::npos) return {text, ""};
  return {text.substr(0, at), text.substr(at + 1)};
}

}  // namespace

std::string phrase(const Tokens& tokens, bool& odd) {
  std::string raw;
  for (const AddressToken& token : tokens) {
    if (token.after_blank && !raw.empty()) raw += ' ';
    raw += token.text;
  }
  DecodedText decoded = decode_header_text(raw);
  odd = odd || decoded.odd;
  return std::string(trim(decoded.text));
}

bool is_scheme(const AddressToken& token) {
  return equals_ignoring_case(token.text, "mailto") || equals_ignoring_case(token.text, "smtp");
}

std::string hidden_address(const Tokens& words, std::size_t& begin, bool& odd) {
  const bool all_encoded = std::all_of(words.begin(), words.end(), [](const AddressToken& token) {
    return token.kind == Kind::encoded_word;
  });
  const AddressToken& last = words.back();
  std::string text;
  begin = 0;
  if (all_encoded || (words.size() == 1 && last.kind == Kind::quoted)) {
    text = phrase(words, odd);
  } else if (last.kind == Kind::literal) {
    text = last.text.substr(1, last.text.size() - 2);
    begin = words.size() - 1;
  }
  return text.find('@') == std::string::npos ? std::string() : text;
}

bool touches_by_dot(const AddressToken& left, const AddressToken& right) {
  return (!left.text.empty() && left.text.back() == '.') ||
         (!right.text.empty() && right.text.front() == '.');
}

bool is_at_sign(const AddressToken& token) {
  return token.is('@');
}

std::string without_controls(std::string text, bool& odd) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7F'; };
  const auto end = std::remove_if(text.begin(), text.end(), is_control);
  odd = odd || end != text.end();
  text.erase(end, text.end());
  return text;
}

InternetAddress address_of(const Tokens& tokens, std::size_t begin, std::size_t end, bool& odd) {
  std::size_t at = end;
  for (std::size_t index = begin; index < end; ++index) {
    if (is_at_sign(tokens[index])) {
      odd = odd || at != end;
      at = index;
    }
  }
  if (at != end) {
    return {address_part(tokens, begin, at, true, odd),
            address_part(tokens, at + 1, end, false, odd)};
  }
  const std::string whole = address_part(tokens, begin, end, true, odd);
  const bool is_encoded = std::any_of(tokens.begin(), tokens.end(), [](const AddressToken& token) {
    return token.kind == Kind::encoded_word;
  });
  return is_encoded ? split_at_sign(whole) : InternetAddress{whole, ""};
}

}  // namespace smtpgate::converter
