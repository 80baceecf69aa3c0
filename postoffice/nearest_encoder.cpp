// Nearest characters and their table; see the header.
#include "postoffice/nearest_encoder.h"

#include <string_view>

#include "postoffice/composition.h"
#include "postoffice/utf8.h"

namespace smtpgate::postoffice {

namespace {
constexpr std::size_t most_answers = 4096;
}

bool NearestEncoder::append_known(char32_t code, std::string& out) const {
  if (answers_.empty()) return false;
  const Answer& answer = answers_[code % most_answers];
  if (answer.code != code) return false;
  out += answer.octets;
  return true;
}

void NearestEncoder::append(char32_t code, Iconv& iconv, std::string& out) {
  if (append_known(code, out)) return;
  ++lookups_;
  const std::size_t before = out.size();
  const std::string nearest = nearest_characters(code);
  for (std::size_t at = 0; at < nearest.size();) {
    const std::size_t length = utf8_character(nearest, at).length;
    std::string_view character = std::string_view(nearest).substr(at, length);
    if (iconv.convert(character, out) != Iconv::Stop::done) {
      character = "?";
      iconv.convert(character, out);
    }
    at += length;
  }
  if (!is_stateless_) return;
  if (answers_.empty()) answers_.resize(most_answers);
  answers_[code % most_answers] = {code, out.substr(before)};
}

}  // namespace smtpgate::postoffice
