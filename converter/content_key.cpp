// ContentKey: the input is laid out in docs/postoffice-format.md, "The content key". Changing a
// byte of it makes every message new once: the first line carries a version for that day.
#include "converter/content_key.h"

#include <algorithm>
#include <array>
#include <vector>

#include <sodium.h>

#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

constexpr std::string_view layout_version = "smtpgate-key-1\n";

bool enters_key(std::string_view lower_name) {
  constexpr std::array<std::string_view, 7> whole = {"from", "to",         "cc",          "subject",
                                                     "date", "message-id", "mime-version"};
  return std::find(whole.begin(), whole.end(), lower_name) != whole.end() ||
         lower_name.starts_with("resent-") || lower_name.starts_with("content-");
}

// Runs of blanks and folds become one space, so that a relay that refolds changes nothing.
void add_canonical(std::string_view value, std::string& text) {
  const std::size_t before = text.size();
  const auto* at = value.begin();
  for (;;) {
    at = std::find_if_not(at, value.end(), is_blank_or_line_end);
    if (at == value.end()) return;
    const auto* const end = std::find_if(at, value.end(), is_blank_or_line_end);
    if (text.size() > before) text += ' ';
    text.append(at, end);
    at = end;
  }
}

}  // namespace

struct ContentKey::State {
  crypto_generichash_state hash;

  void add(std::string_view data) {
    crypto_generichash_update(&hash, reinterpret_cast<const unsigned char*>(data.data()),
                              data.size());
  }
};

ContentKey::ContentKey() : state_(std::make_unique<State>()) {
  // Before that libsodium does not know which of its hash functions is fast here.
  [[maybe_unused]] static const int ready = sodium_init();
  crypto_generichash_init(&state_->hash, nullptr, 0, crypto_generichash_BYTES);
  state_->add(layout_version);
}

ContentKey::~ContentKey() = default;

void ContentKey::add_sender(std::string_view address) {
  const std::size_t at = address.rfind('@');
  if (at == std::string_view::npos) {
    state_->add(address);
  } else {
    state_->add(address.substr(0, at));
    state_->add(ascii_lower(address.substr(at)));
  }
  state_->add("\n");
}

void ContentKey::add_header(const HeaderFields& fields) {
  std::vector<std::pair<std::string, const HeaderField*>> chosen;
  chosen.reserve(fields.all().size());
  for (const HeaderField& field : fields.all()) {
    std::string name = ascii_lower(field.name);
    if (enters_key(name)) chosen.emplace_back(std::move(name), &field);
  }
  std::stable_sort(chosen.begin(), chosen.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text;
  for (const auto& [name, field] : chosen) {
    text = name;
    text += ':';
    add_canonical(field->value, text);
    text += '\n';
    state_->add(text);
  }
  state_->add("\n");
}

void ContentKey::add_body(std::string_view piece) {
  state_->add(piece);
}

std::string ContentKey::finish() {
  std::array<unsigned char, crypto_generichash_BYTES> digest{};
  crypto_generichash_final(&state_->hash, digest.data(), digest.size());
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const unsigned char octet : digest) {
    text += digits[octet >> 4];
    text += digits[octet & 15];
  }
  return text;
}

}  // namespace smtpgate::converter
