// GLB/postoffice.toml; see the header.
#include "postoffice/folder_settings.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/printable.h"
#include "postoffice/settings_file.h"

namespace smtpgate::postoffice {

namespace {

constexpr int known_format = 1;
constexpr int longest_dedupe_days = 3650;

bool is_delimiter(char c) {
  return c > ' ' && c < '\x7f' && c != '@' && !is_ascii_alpha(c) && !is_ascii_digit(c);
}

void read_name(SettingsTable& table, PostofficeSettings& settings) {
  if (!table.has("name")) {
    table.string("name", "");
    table.error("name", "is missing; write name = \"NET/PO\", the name of this postoffice");
    return;
  }
  const std::string text = table.string("name", "");
  if (auto name = PostofficeName::parse(text)) {
    settings.name = *name;
  } else {
    table.error("name", fmt::format("\"{}\" is no postoffice name; write it as NET/PO",
                                    printable(text, 80)));
  }
}

void read_texts(SettingsTable& table, PostofficeSettings& settings) {
  settings.character_set = table.string("character_set", settings.character_set);
  if (!is_file_character_set(settings.character_set)) {
    table.error("character_set",
                fmt::format("\"{}\" is not known here, or cannot hold ASCII octet for octet; take "
                            "one such as UTF-8, windows-1252 or CP437",
                            printable(settings.character_set, 80)));
  }
  settings.line_end = *parse_line_end(
      table.choice("line_end", line_end_name(settings.line_end), {"lf", "crlf", "cr"}));
  settings.short_attachment_names =
      table.choice("attachment_names", "long", {"long", "8.3"}) == "8.3";
  settings.recipient_delimiter = table.string("recipient_delimiter", settings.recipient_delimiter);
  if (!std::all_of(settings.recipient_delimiter.begin(), settings.recipient_delimiter.end(),
                   is_delimiter)) {
    table.error("recipient_delimiter",
                "only ASCII punctuation other than @ can divide a name from its extension; write "
                "\"+\", \"+-\", or \"\" for none");
  }
  const std::string catch_all = table.string("catch_all", "");
  if (!catch_all.empty()) {
    if (auto why = why_bad_mailbox_name(catch_all)) {
      table.error("catch_all",
                  fmt::format("mailbox name \"{}\" {}", printable(catch_all, 80), *why));
    }
    settings.catch_all = fold_mailbox_name(catch_all);
  }
}

std::string setting(std::string_view key, std::string_view value, bool is_default) {
  return fmt::format("{}{} = {}\n", is_default ? "# " : "", key, value);
}

}  // namespace

tl::expected<FolderSettings, std::vector<std::string>> parse_folder_settings(
    std::string_view text, const std::string& path) {
  auto file = SettingsFile::parse(text, path);
  if (!file) return tl::unexpected(std::vector<std::string>{file.error()});
  FolderSettings result;
  SettingsTable table = file->root();
  result.settings.format = static_cast<int>(table.integer("format", 0, 1, 1'000'000));
  if (!table.has("format")) {
    table.error("format", "is missing; write format = 1");
  } else if (result.settings.format > known_format) {
    table.error("format",
                fmt::format("{} is newer than this program, which knows {}; use a newer smtpgate",
                            result.settings.format, known_format));
  }
  read_name(table, result.settings);
  read_texts(table, result.settings);
  result.settings.time_zone = table.string("time_zone", "");
  if (auto zone = TimeZone::open(result.settings.time_zone)) {
    result.zone = std::make_shared<const TimeZone>(std::move(*zone));
  } else {
    table.error("time_zone",
                fmt::format("\"{}\" {}", printable(result.settings.time_zone, 80), zone.error()));
  }
  result.settings.dedupe_days = static_cast<int>(
      table.integer("dedupe_days", result.settings.dedupe_days, 1, longest_dedupe_days));
  if (table.choice("quota_reply", "temporary", {"temporary", "permanent"}) == "permanent") {
    result.settings.quota_reply = QuotaReply::permanent;
  }
  file->refuse_unknown_keys();
  if (auto errors = file->errors(); !errors.empty()) return tl::unexpected(std::move(errors));
  return result;
}

std::string render_folder_settings(const PostofficeSettings& settings) {
  const PostofficeSettings usual;
  std::string text;
  text += "# This postoffice: who it is and how its files are written.\n";
  text +=
      "# A line that begins with # shows the default. Programs read the file when they start.\n";
  text += "\n# NET/PO, the first two parts of every address here. Do not change it later:\n";
  text += "# addresses in stored messages name it.\n";
  text += setting("name", toml_string(settings.name.str()), false);
  text += "\n# Version of the folder's format.\n";
  text += setting("format", std::to_string(settings.format), false);
  text += "\n# Character set of the message files, any that `iconv -l` lists.\n";
  text += setting("character_set", toml_string(settings.character_set),
                  settings.character_set == usual.character_set);
  text += "\n# Zone of DATE and TIME in message files, such as \"Europe/Berlin\"; empty: the\n";
  text += "# machine's own.\n";
  text +=
      setting("time_zone", toml_string(settings.time_zone), settings.time_zone == usual.time_zone);
  text += "\n# Line ends of the message files: \"lf\", \"crlf\" or \"cr\".\n";
  text += setting("line_end", toml_string(line_end_name(settings.line_end)),
                  settings.line_end == usual.line_end);
  text +=
      "\n# What attachments are called, in message files and as files: \"long\", as their "
      "senders\n";
  text += "# called them, made safe, or \"8.3\", for DOS (ANGEBO~1.PDF).\n";
  text += setting("attachment_names", settings.short_attachment_names ? "\"8.3\"" : "\"long\"",
                  !settings.short_attachment_names);
  text += "\n# Characters that divide a mailbox from an extension (anna+orders); empty: none.\n";
  text += setting("recipient_delimiter", toml_string(settings.recipient_delimiter),
                  settings.recipient_delimiter == usual.recipient_delimiter);
  text += "\n# Mailbox that takes mail for names nobody has; empty: such mail is refused.\n";
  text +=
      setting("catch_all", toml_string(settings.catch_all), settings.catch_all == usual.catch_all);
  text +=
      "\n# For how many days the same message is filed only once in a mailbox (1 to 3650); at\n";
  text += "# least as long as Postfix keeps trying (maximal_queue_lifetime).\n";
  text += setting("dedupe_days", std::to_string(settings.dedupe_days),
                  settings.dedupe_days == usual.dedupe_days);
  text += "\n# Mail for a mailbox over its quota: \"temporary\", it waits in Postfix's queue, or\n";
  text += "# \"permanent\", it goes back to its sender.\n";
  text += setting("quota_reply",
                  settings.quota_reply == QuotaReply::permanent ? "\"permanent\"" : "\"temporary\"",
                  settings.quota_reply == usual.quota_reply);
  return text;
}

}  // namespace smtpgate::postoffice
