// Lines about reports; see the header.
#include "postoffice/report_lines.h"

#include <algorithm>
#include <optional>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/mailbag.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_text.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t most_recipients = 100;
constexpr std::size_t name_digits = 32;  // of a name in sent/, in the Message-ID

/// The first digits of a name in sent/; empty if `text` has other characters in their place.
std::string_view name_in(std::string_view text) {
  const std::string_view digits = text.substr(0, name_digits);
  const bool is_name =
      digits.size() == name_digits && std::all_of(digits.begin(), digits.end(), [](char c) {
        return is_ascii_digit(c) || (c >= 'a' && c <= 'f');
      });
  return is_name ? digits : std::string_view();
}

std::string subject_of(const Postoffice& postoffice, const Mailbag& sent,
                       const MailbagEntry& entry) {
  auto file = sent.open_message(entry);
  if (!file) return "(" + file.error().sentence() + ")";
  FileSource source(**file);
  Reader reader(source);
  auto header = reader.next();
  if (!header) return "(" + header.error().str() + ")";
  if (!*header) return "(the file is empty)";
  return to_utf8((*header)->subject,
                 character_set_of(**header, postoffice.settings().character_set));
}

/// "sent/3f2c0d41: Offer" of a Message-ID that we wrote; nullopt if no such message is kept.
std::optional<std::string> link_to(const Postoffice& postoffice, std::string_view mailbox,
                                   std::string_view message_id) {
  if (!message_id.starts_with('<')) return std::nullopt;
  message_id.remove_prefix(1);
  const std::string_view name = name_in(message_id);
  if (name.empty() || message_id.substr(name_digits, 1) != "@") return std::nullopt;
  auto sent = Mailbag::open(postoffice, mailbox, MailbagPart::sent);
  if (!sent) return std::nullopt;
  auto entry = sent->find(name);
  if (!entry) return std::nullopt;
  return "sent/" + entry->short_id + ": " + subject_of(postoffice, *sent, *entry);
}

}  // namespace

std::string local_message_id(std::string_view id) {
  const std::string_view name = name_in(id);
  return name.empty() ? std::string() : "<" + std::string(name) + "@postoffice.invalid>";
}

std::vector<std::pair<std::string, std::string>> report_lines(const Postoffice& postoffice,
                                                              std::string_view mailbox,
                                                              const MessageHeader& header,
                                                              const std::string& set) {
  const auto value_of = [&](std::string_view name) {
    return std::string(trim(to_utf8(header.field(name).value_or(""), set)));
  };
  std::vector<std::pair<std::string, std::string>> lines;
  const std::string kind = value_of(ext::report_kind);
  const std::string disposition = value_of(ext::disposition);
  if (kind.empty() && disposition.empty()) return lines;
  lines.emplace_back("Report", kind.empty() ? "disposition" : kind);
  std::size_t recipients = 0;
  for (const ExtendedField& field : header.fields) {
    if (!equals_ignoring_case(field.name, ext::report_recipient)) continue;
    if (++recipients > most_recipients) break;
    lines.emplace_back("Recipient", to_utf8(field.value, set));
  }
  if (kind.empty()) {
    // A receipt from within: its author is the recipient of the message that it is about.
    const std::size_t semicolon = disposition.rfind(';');
    const std::string_view type = semicolon == std::string::npos
                                      ? disposition
                                      : std::string_view(disposition).substr(semicolon + 1);
    lines.emplace_back("Recipient",
                       std::string(trim(type)) + " - " + to_utf8(header.from.str(), set));
  }
  const std::string about = value_of(ext::report_for);
  if (about.empty()) return lines;
  lines.emplace_back("About", link_to(postoffice, mailbox, about).value_or(about));
  return lines;
}

}  // namespace smtpgate::postoffice
