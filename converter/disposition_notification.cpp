// Disposition notifications; see the header.
#include "converter/disposition_notification.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "converter/header_writer.h"
#include "converter/parameter_encoder.h"
#include "postoffice/ascii.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

using postoffice::MessageHeader;
namespace ext = postoffice::ext;

namespace {

constexpr std::size_t longest_modifier = 40;
constexpr std::size_t most_modifiers = 10;

/// `word` as the RFC spells it; empty if it is none of `known`.
std::string_view known_word(std::string_view word, std::span<const std::string_view> known) {
  const auto found = std::find_if(known.begin(), known.end(), [&](std::string_view one) {
    return equals_ignoring_case(trim(word), one);
  });
  return found == known.end() ? std::string_view() : *found;
}

/// Up to `stop`, which is taken too; all of it if there is none.
std::string_view take_until(std::string_view& text, char stop) {
  const std::size_t end = std::min(text.find(stop), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

/// "manual-action/MDN-sent-manually; displayed/error" (RFC 8098, 3.2.6), spelt as there; nullopt
/// for anything else.
std::optional<std::string> parse_disposition(std::string_view text) {
  constexpr std::array<std::string_view, 2> actions = {"manual-action", "automatic-action"};
  constexpr std::array<std::string_view, 2> sendings = {"MDN-sent-manually",
                                                        "MDN-sent-automatically"};
  constexpr std::array<std::string_view, 4> types = {"displayed", "deleted", "dispatched",
                                                     "processed"};
  std::string_view mode = take_until(text, ';');
  const std::string_view action = known_word(take_until(mode, '/'), actions);
  const std::string_view sending = known_word(mode, sendings);
  const std::string_view type = known_word(take_until(text, '/'), types);
  if (action.empty() || sending.empty() || type.empty()) return std::nullopt;
  std::string result = fmt::format("{}/{}; {}", action, sending, type);
  for (std::size_t count = 0; !text.empty(); ++count) {
    const std::string_view modifier = trim(take_until(text, ','));
    if (count == most_modifiers || modifier.size() > longest_modifier || !is_mime_token(modifier)) {
      return std::nullopt;
    }
    result += count == 0 ? '/' : ',';
    result += modifier;
  }
  return result;
}

std::optional<std::string> disposition_of(const MessageHeader& header) {
  const auto written = header.field(ext::disposition);
  return written ? parse_disposition(*written) : std::nullopt;
}

/// "rfc822;user@host". Beyond ASCII it is the 7-bit form of RFC 6533, 3, so that the part needs no
/// other encoding.
std::string recipient(std::string_view address) {
  if (is_ascii(address)) return fmt::format("rfc822;{}", address);
  std::string text = "utf-8;";
  for (std::size_t at = 0; at < address.size();) {
    const postoffice::Utf8Character one = postoffice::utf8_character(address, at);
    const bool stands =
        one.code > ' ' && one.code < 0x7F && one.code != '+' && one.code != '=' && one.code != '\\';
    if (stands) {
      text += static_cast<char>(one.code);
    } else {
      text += fmt::format("\\x{{{:X}}}", static_cast<std::uint32_t>(one.code));
    }
    at += one.length;
  }
  return text;
}

/// "type;address" of printable ASCII: what an Original-Recipient field may say.
bool is_typed_recipient(std::string_view text) {
  const std::size_t semicolon = text.find(';');
  return semicolon != std::string_view::npos && text.size() <= longest_address &&
         is_mime_token(trim(text.substr(0, semicolon))) &&
         !trim(text.substr(semicolon + 1)).empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

bool is_disposition_answer(const MessageHeader& header) {
  return header.attachments.empty() && disposition_of(header).has_value();
}

std::string render_disposition_notification(const MessageHeader& header, std::string_view from,
                                            std::string_view hostname) {
  std::string text = fmt::format("Reporting-UA: {}; smtpgate\r\n", hostname);
  const std::string original(trim(header.field(ext::original_recipient).value_or("")));
  if (is_typed_recipient(original)) text += "Original-Recipient: " + original + "\r\n";
  text += "Final-Recipient: " + recipient(from) + "\r\n";
  const std::string about(trim(header.field(ext::report_for).value_or("")));
  if (is_message_id(about)) text += "Original-Message-ID: " + about + "\r\n";
  return text + "Disposition: " + disposition_of(header).value_or("") + "\r\n";
}

}  // namespace smtpgate::converter
