// GLB/MAILBOX/<mailbox>.toml: what a mailbox wants done with its mail. Beside the mailbag, not in
// it, so that its users cannot change it behind the administrator's back. Format: docs/groups.md.
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "postoffice/folder.h"
#include "postoffice/group_file.h"
#include "postoffice/groups.h"
#include "postoffice/settings_file.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::uint64_t largest_settings = std::uint64_t{16} << 20;
constexpr std::size_t most_targets = 1000;

std::string settings_path(const Postoffice& postoffice, const std::string& folded) {
  return path_in(postoffice.path(layout::mailbox_settings), folded + ".toml");
}

/// `text` as a TOML basic string.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;  // addresses hold no control characters
  }
  return result + "\"";
}

std::string render(const MailboxSettings& settings) {
  std::string text = "# Settings of one mailbox; `postoffice mailbox set` writes this file anew.\n";
  std::string targets;
  for (const TypedAddress& target : settings.forward) {
    targets += (targets.empty() ? "" : ", ") + quoted(target.str());
  }
  text += fmt::format("forward = [{}]\nkeep_copy = {}\nkeep_sent = {}\nreceipts = {}\n", targets,
                      settings.keep_copy, settings.keep_sent, quoted(settings.receipts));
  return text;
}

}  // namespace

Expected<TypedAddress> parse_forward(const Postoffice& postoffice, std::string_view text) {
  auto target = parse_member(text, postoffice.settings().name);
  if (target) return std::move(*target);
  return failure(
      Outcome::permanent("forward to \"" + std::string(text) + "\" " + target.error(), "5.1.3"));
}

Expected<MailboxSettings> read_mailbox_settings(const Postoffice& postoffice,
                                                std::string_view mailbox) {
  const std::string path = settings_path(postoffice, fold_mailbox_name(mailbox));
  auto text = read_whole(postoffice.files(), path, largest_settings);
  if (!text) {
    if (text.error().code != ENOENT && text.error().code != ENOTDIR) {
      return failure(text.error().outcome());
    }
    // A folder that is not there has forwards that nobody can see.
    auto there = postoffice.files().status(postoffice.path(layout::settings));
    if (there) return MailboxSettings();
    if (there.error().code != ENOENT) return failure(there.error().outcome());
    if (auto problem = why_not_there(postoffice)) return failure(*problem);
    return MailboxSettings();
  }
  auto file = SettingsFile::parse(*text, path);
  if (!file) return failure(Outcome::temporary(file.error(), "4.3.5"));
  SettingsTable root = file->root();
  MailboxSettings settings;
  const auto targets = root.strings("forward", {});
  if (targets.size() > most_targets) {
    root.error("forward", fmt::format("more than {} targets; make a group of them", most_targets));
  } else {
    for (const std::string& target : targets) {
      if (auto parsed = parse_forward(postoffice, target)) {
        settings.forward.push_back(std::move(*parsed));
      } else {
        root.error("forward", parsed.error().sentence());
      }
    }
  }
  settings.keep_copy = root.boolean("keep_copy", settings.keep_copy);
  settings.keep_sent = root.boolean("keep_sent", settings.keep_sent);
  settings.receipts = root.choice("receipts", settings.receipts, {"never", "on-read"});
  file->refuse_unknown_keys();
  const auto errors = file->errors();
  if (!errors.empty()) return failure(Outcome::temporary(errors.front(), "4.3.5"));
  return settings;
}

Outcome write_mailbox_settings(const Postoffice& postoffice, std::string_view mailbox,
                               const MailboxSettings& settings) {
  const std::string folded = fold_mailbox_name(mailbox);
  if (settings.receipts != "never" && settings.receipts != "on-read") {
    return Outcome::permanent("receipts are \"never\" or \"on-read\"", "5.3.5");
  }
  if (settings.forward.size() > most_targets) {
    return Outcome::permanent(
        fmt::format("more than {} forwards; make a group of them", most_targets), "5.3.5");
  }
  for (const TypedAddress& target : settings.forward) {
    if (auto parsed = parse_forward(postoffice, target.str()); !parsed) return parsed.error();
  }
  FileSystem& files = postoffice.files();
  auto status = why_bad_mailbox_name(folded)
                    ? FileResult<FileStatus>(tl::unexpected(FileError{ENOENT, "look at", folded}))
                    : files.status(postoffice.mailbag_directory(folded));
  if (!status) {
    if (status.error().code != ENOENT) return status.error().outcome();
    if (auto problem = why_not_there(postoffice)) return *problem;
    return Outcome::permanent("there is no mailbox " + std::string(mailbox), "5.1.1");
  }
  auto owner = owner_for_new_files(files, postoffice.directory());
  if (!owner) return owner.error().outcome();
  // A folder made before mailboxes had settings does not have it.
  const std::string directory = postoffice.path(layout::mailbox_settings);
  auto made = make_owned_directory(files, directory, 0755, *owner);
  if (!made && made.error().code != EEXIST) return made.error().outcome();
  auto written =
      replace_file(files, settings_path(postoffice, folded), render(settings), 0644, *owner);
  if (!written) return written.error().outcome();
  if (made) {
    auto synced = files.sync_directory(parent_directory(directory));
    if (!synced) return synced.error().outcome();
  }
  return Outcome::delivered("settings of mailbox " + folded + " changed");
}

}  // namespace smtpgate::postoffice
