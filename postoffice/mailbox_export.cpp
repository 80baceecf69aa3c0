// Writing all mailboxes to a file: the other half of mailbox_import.h. Formats: docs/import.md.
#include <map>
#include <utility>

#include <fmt/format.h>

#include "postoffice/csv.h"
#include "postoffice/folder.h"
#include "postoffice/import_columns.h"
#include "postoffice/mailbox_import.h"

namespace smtpgate::postoffice {

namespace {

using namespace import_columns;

struct Exported {
  std::string name;
  MailboxSettings settings;
  std::vector<std::string> aliases;
};

std::string csv_line(const Exported& one) {
  std::vector<std::string> forward;
  for (const TypedAddress& target : one.settings.forward) forward.push_back(target.str());
  const MailboxSettings& settings = one.settings;
  return fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", csv_field(one.name),
                     csv_field(settings.full_name),
                     csv_field(fmt::format("{}", fmt::join(one.aliases, "; "))),
                     csv_field(fmt::format("{}", fmt::join(forward, "; "))), settings.keep_copy,
                     settings.keep_sent, settings.keep_original, settings.receipts,
                     settings.receive_from_internet, settings.send_to_internet,
                     settings.quota.octets, settings.quota.messages, settings.expiry.read_days,
                     settings.expiry.unread_days, settings.expiry.sent_days, settings.delivery);
}

constexpr std::string_view csv_header =
    "name,full_name,aliases,forward,keep_copy,keep_sent,keep_original,receipts,"
    "receive_from_internet,send_to_internet,quota_bytes,quota_messages,expire_read_days,expire_"
    "unread_days,"
    "expire_sent_days,delivery\n";

std::string import_line(const Postoffice& postoffice, const Exported& one,
                        std::vector<std::string>& remarks) {
  std::string alias = one.settings.full_name.empty() ? one.name : one.settings.full_name;
  if (characters_in(alias) > longest_alias) {
    const std::size_t kept = alias.size() - from_column(alias, longest_alias).size();
    remarks.push_back("the name of mailbox " + one.name + " is cut to 30 characters");
    alias.resize(kept);
  }
  const std::string pad(address_column - alias_column - characters_in(alias), ' ');
  MailboxSettings plain;
  plain.full_name = one.settings.full_name;
  if (render_mailbox_settings(one.settings) != render_mailbox_settings(plain) ||
      !one.aliases.empty()) {
    remarks.push_back("aliases and settings of mailbox " + one.name + " are left out; use CSV");
  }
  return "A " + alias + pad + "PCM:" + postoffice.settings().name.str() + "/" + one.name + "\r\n";
}

}  // namespace

Expected<MailboxExport> export_mailboxes(const Postoffice& postoffice, ImportFormat format) {
  auto names = postoffice.list_mailboxes();
  if (!names) return failure(names.error());
  auto aliases = postoffice.list_aliases();
  if (!aliases) return failure(aliases.error());
  std::map<std::string, std::vector<std::string>> aliases_of;
  for (const Postoffice::Alias& alias : *aliases) aliases_of[alias.mailbox].push_back(alias.name);
  MailboxExport result;
  if (format == ImportFormat::csv) result.text = csv_header;
  for (const std::string& name : *names) {
    // Every postoffice has its own; a second one cannot be added.
    if (format == ImportFormat::import && name == layout::postmaster) continue;
    auto settings = read_mailbox_settings(postoffice, name);
    if (!settings) return failure(settings.error());
    if (!settings->hook.empty()) {
      result.remarks.push_back("the hook of mailbox " + name + " is left out");
    }
    const Exported one{name, std::move(*settings), std::move(aliases_of[name])};
    result.text +=
        format == ImportFormat::csv ? csv_line(one) : import_line(postoffice, one, result.remarks);
  }
  return result;
}

}  // namespace smtpgate::postoffice
