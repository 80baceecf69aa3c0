// Reading files of mailboxes: what both formats share; see the header. Formats: docs/import.md.
#include "postoffice/mailbox_import.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/import_reader.h"
#include "postoffice/mailbox_settings.h"

namespace smtpgate::postoffice {

bool ImportReader::exists(const std::string& folded) {
  if (why_bad_mailbox_name(folded)) return false;
  const auto status = postoffice_.files().status(postoffice_.mailbag_directory(folded));
  if (!status && status.error().code != ENOENT) result_.trouble = status.error().outcome();
  return status.has_value();
}

std::optional<MailboxSettings> ImportReader::settings_of(int line, const std::string& name) {
  auto settings = read_mailbox_settings(postoffice_, name);
  if (settings) return std::move(*settings);
  if (settings.error().is_temporary()) result_.trouble = settings.error();
  fail(line, settings.error().sentence());
  return std::nullopt;
}

MailboxImport read_import(const Postoffice& postoffice, std::string_view text, ImportFormat format,
                          const std::string& character_set) {
  MailboxImport wrong;
  if (text.size() > largest_import) {
    wrong.problems.push_back({1, "the file is longer than 64 MiB; divide it"});
    return wrong;
  }
  std::string decoded;
  if (!character_set.empty() && !equals_ignoring_case(character_set, "UTF-8")) {
    decoded = to_utf8(text, character_set);
    text = decoded;
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!is_utf8(text)) {
    int line = 1;
    for (std::string_view rest = text; !rest.empty(); ++line) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      if (!is_utf8(rest.substr(0, end))) break;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    wrong.problems.push_back({line, "it is not UTF-8; say --character-set, such as CP850"});
    return wrong;
  }
  return format == ImportFormat::csv ? read_import_csv(postoffice, text)
                                     : read_import_lines(postoffice, text);
}

std::string describe(const MailboxChange& change) {
  const std::string name = fold_mailbox_name(change.mailbox);
  const std::string whose =
      change.settings.full_name.empty() ? "" : " (" + change.settings.full_name + ")";
  const std::string aliases =
      change.new_aliases.empty() ? ""
                                 : fmt::format(", aliases {}", fmt::join(change.new_aliases, ", "));
  switch (change.kind) {
    case MailboxChange::Kind::add:
      return "add mailbox " + name + whose + aliases;
    case MailboxChange::Kind::set:
      return "change mailbox " + name + whose + aliases;
    case MailboxChange::Kind::rename:
      return "rename mailbox " + name + " to " + fold_mailbox_name(change.new_name);
    case MailboxChange::Kind::remove:
      return "remove mailbox " + name;
  }
  return {};
}

}  // namespace smtpgate::postoffice
