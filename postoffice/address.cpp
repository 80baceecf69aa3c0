// Postoffice addresses; see the header. Nothing here does I/O.
#include "postoffice/address.h"

#include <algorithm>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/safe_file_name.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t longest_mailbox_name = 64;  // octets

bool has_control_character(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    if (octet < 0x20 || octet == 0x7F) return true;
    // U+0080 to U+009F, the C1 controls, are C2 80 to C2 9F.
    if (octet == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
      return true;
    }
  }
  return false;
}

bool is_type_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_ascii_alpha(c) || is_ascii_digit(c) || c == '-';
  });
}

}  // namespace

std::optional<std::string> why_bad_mailbox_name(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > longest_mailbox_name) return "is longer than 64 octets";
  if (!is_utf8(name)) return "is not UTF-8";
  if (has_control_character(name)) return "holds a control character";
  constexpr std::string_view reserved = R"(/\:*?"<>|)";
  if (const auto at = name.find_first_of(reserved); at != std::string_view::npos) {
    return std::string("holds the reserved character ") + name[at];
  }
  auto is_dot_or_blank = [](char c) { return c == '.' || c == ' '; };
  if (is_dot_or_blank(name.front())) return "begins with a dot or blank";
  if (is_dot_or_blank(name.back())) return "ends with a dot or blank";
  if (is_dos_device_name(name)) return "is the name of a DOS device";
  return std::nullopt;
}

std::string fold_mailbox_name(std::string_view name) {
  return ascii_lower(compose(name));
}

std::optional<PostofficeName> PostofficeName::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto network = text.substr(0, slash);
  const auto postoffice = text.substr(slash + 1);
  if (why_bad_mailbox_name(network) || why_bad_mailbox_name(postoffice)) return std::nullopt;
  return PostofficeName{std::string(network), std::string(postoffice)};
}

bool operator==(const PostofficeName& a, const PostofficeName& b) {
  return equals_ignoring_case(a.network, b.network) &&
         equals_ignoring_case(a.postoffice, b.postoffice);
}

std::optional<NativeAddress> NativeAddress::parse(std::string_view text) {
  const auto slash = text.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  auto postoffice = PostofficeName::parse(text.substr(0, slash));
  const auto mailbox = text.substr(slash + 1);
  if (!postoffice || why_bad_mailbox_name(mailbox)) return std::nullopt;
  return NativeAddress{std::move(*postoffice), std::string(mailbox)};
}

TypedAddress TypedAddress::parse(std::string_view text) {
  const auto colon = text.find(':');
  if (colon != std::string_view::npos && is_type_name(text.substr(0, colon))) {
    return {ascii_upper(text.substr(0, colon)), std::string(text.substr(colon + 1)), {}};
  }
  return {"CSI", std::string(text), {}};
}

TypedAddress TypedAddress::native(const NativeAddress& address, std::string name) {
  return {"CSI", address.str(), std::move(name)};
}

TypedAddress TypedAddress::internet(std::string address, std::string name) {
  return {"SMTP", std::move(address), std::move(name)};
}

}  // namespace smtpgate::postoffice
