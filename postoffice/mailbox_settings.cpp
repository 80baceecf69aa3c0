// GLB/MAILBOX/<mailbox>.toml; see the header. Format: docs/groups.md.
#include "postoffice/mailbox_settings.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "postoffice/character_set.h"
#include "postoffice/folder.h"
#include "postoffice/group_file.h"
#include "postoffice/settings_file.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::uint64_t largest_settings = std::uint64_t{16} << 20;
constexpr std::size_t most_targets = 1000;
constexpr std::size_t longest_full_name = 256;
constexpr std::size_t most_hook_words = 100;
constexpr std::size_t longest_hook_word = 4096;
constexpr std::int64_t largest_quota = std::numeric_limits<std::int64_t>::max();

std::string settings_path(const Postoffice& postoffice, const std::string& folded) {
  return path_in(postoffice.path(layout::mailbox_settings), folded + ".toml");
}

/// The lines of those that are set: a gateway of an earlier version knows none of them.
std::string render_expiry(const Expiry& expiry) {
  std::string text;
  const auto line = [&text](std::string_view key, std::uint64_t days) {
    if (days != 0) text += fmt::format("{} = {}\n", key, days);
  };
  line("expire_read_days", expiry.read_days);
  line("expire_unread_days", expiry.unread_days);
  line("expire_sent_days", expiry.sent_days);
  return text;
}

bool is_plain_text(std::string_view text) {
  return is_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
         });
}

/// The end of a sentence "full name ...", or nothing.
std::optional<std::string> why_bad_full_name(std::string_view name) {
  if (name.size() > longest_full_name) {
    return fmt::format("is longer than {} octets", longest_full_name);
  }
  if (!is_plain_text(name)) return "holds a control character, or is not UTF-8";
  return std::nullopt;
}

/// The end of a sentence "hook ...", or nothing.
std::optional<std::string> why_bad_hook(const std::vector<std::string>& hook) {
  if (hook.size() > most_hook_words) return fmt::format("has more than {} words", most_hook_words);
  for (const std::string& word : hook) {
    if (word.size() > longest_hook_word || !is_plain_text(word)) {
      return fmt::format("has a word that is longer than {} octets, or holds a control character",
                         longest_hook_word);
    }
  }
  if (!hook.empty() && !hook.front().starts_with('/')) {
    return "does not begin with the absolute path of a program";
  }
  return std::nullopt;
}

void read_forward(const Postoffice& postoffice, SettingsTable& root, MailboxSettings& settings) {
  const auto targets = root.strings("forward", {});
  if (targets.size() > most_targets) {
    root.error("forward", fmt::format("more than {} targets; make a group of them", most_targets));
    return;
  }
  for (const std::string& target : targets) {
    if (auto parsed = parse_forward(postoffice, target)) {
      settings.forward.push_back(std::move(*parsed));
    } else {
      root.error("forward", parsed.error().sentence());
    }
  }
}

void read_delivery(SettingsTable& root, MailboxSettings& settings) {
  settings.delivery = root.choice("delivery", settings.delivery, {"mailbag", "folder"});
  settings.hook = root.strings("hook", {});
  if (auto why = why_bad_hook(settings.hook)) root.error("hook", *why);
  settings.hook_settings = read_hook_settings(root);
}

}  // namespace

Expected<TypedAddress> parse_forward(const Postoffice& postoffice, std::string_view text) {
  auto target = parse_member(text, postoffice.settings().name);
  if (target) return std::move(*target);
  return failure(
      Outcome::permanent("forward to \"" + std::string(text) + "\" " + target.error(), "5.1.3"));
}

std::string render_mailbox_settings(const MailboxSettings& settings) {
  std::vector<std::string> targets;
  for (const TypedAddress& target : settings.forward) targets.push_back(target.str());
  return fmt::format(
      "# Settings of one mailbox; `postoffice mailbox set` writes this file anew.\n"
      "full_name = {}\nforward = {}\nkeep_copy = {}\nkeep_sent = {}\nkeep_original = {}\n"
      "receipts = {}\nreceive_from_internet = {}\nsend_to_internet = {}\n"
      "quota_bytes = {}\nquota_messages = {}\ndelivery = {}\nhook = {}\n{}{}",
      toml_string(settings.full_name), toml_strings(targets), settings.keep_copy,
      settings.keep_sent, settings.keep_original, toml_string(settings.receipts),
      settings.receive_from_internet, settings.send_to_internet, settings.quota.octets,
      settings.quota.messages, toml_string(settings.delivery), toml_strings(settings.hook),
      render_hook_settings(settings.hook_settings), render_expiry(settings.expiry));
}

Expected<MailboxSettings> parse_mailbox_settings(const Postoffice& postoffice,
                                                 std::string_view text, const std::string& path) {
  auto file = SettingsFile::parse(text, path);
  if (!file) return failure(Outcome::temporary(file.error(), "4.3.5"));
  SettingsTable root = file->root();
  MailboxSettings settings;
  settings.full_name = root.string("full_name", "");
  if (auto why = why_bad_full_name(settings.full_name)) root.error("full_name", *why);
  read_forward(postoffice, root, settings);
  settings.keep_copy = root.boolean("keep_copy", settings.keep_copy);
  settings.keep_sent = root.boolean("keep_sent", settings.keep_sent);
  settings.keep_original = root.boolean("keep_original", settings.keep_original);
  settings.receipts = root.choice("receipts", settings.receipts, {"never", "on-read"});
  settings.receive_from_internet =
      root.boolean("receive_from_internet", settings.receive_from_internet);
  settings.send_to_internet = root.boolean("send_to_internet", settings.send_to_internet);
  const auto number = [&root](const char* key, std::int64_t most) {
    return static_cast<std::uint64_t>(root.integer(key, 0, 0, most));
  };
  settings.quota = {number("quota_bytes", largest_quota), number("quota_messages", largest_quota)};
  constexpr auto most_days = static_cast<std::int64_t>(Expiry::most_days);
  settings.expiry = {number("expire_read_days", most_days), number("expire_unread_days", most_days),
                     number("expire_sent_days", most_days)};
  read_delivery(root, settings);
  file->refuse_unknown_keys();
  const auto errors = file->errors();
  if (!errors.empty()) return failure(Outcome::temporary(errors.front(), "4.3.5"));
  return settings;
}

Expected<MailboxSettings> read_mailbox_settings(const Postoffice& postoffice,
                                                std::string_view mailbox) {
  const std::string path = settings_path(postoffice, fold_mailbox_name(mailbox));
  auto text = read_whole(postoffice.files(), path, largest_settings);
  if (text) return parse_mailbox_settings(postoffice, *text, path);
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

std::optional<Outcome> why_bad_settings(const Postoffice& postoffice,
                                        const MailboxSettings& settings) {
  const auto bad = [](std::string sentence) {
    return Outcome::permanent(std::move(sentence), "5.3.5");
  };
  if (auto why = why_bad_full_name(settings.full_name)) return bad("full name " + *why);
  if (settings.receipts != "never" && settings.receipts != "on-read") {
    return bad("receipts are \"never\" or \"on-read\"");
  }
  if (settings.delivery != "mailbag" && settings.delivery != "folder") {
    return bad("delivery is \"mailbag\" or \"folder\"");
  }
  if (auto why = why_bad_hook(settings.hook)) return bad("hook " + *why);
  if (auto why = why_bad_hook_settings(settings.hook_settings)) return bad(*why);
  if (settings.quota.octets > static_cast<std::uint64_t>(largest_quota) ||
      settings.quota.messages > static_cast<std::uint64_t>(largest_quota)) {
    return bad("the quota is too large; write 0 for none");
  }
  const Expiry& expiry = settings.expiry;
  if (std::max({expiry.read_days, expiry.unread_days, expiry.sent_days}) > Expiry::most_days) {
    return bad(
        fmt::format("messages expire after at most {} days; write 0 for never", Expiry::most_days));
  }
  if (settings.forward.size() > most_targets) {
    return bad(fmt::format("more than {} forwards; make a group of them", most_targets));
  }
  for (const TypedAddress& target : settings.forward) {
    if (auto parsed = parse_forward(postoffice, target.str()); !parsed) return parsed.error();
  }
  return std::nullopt;
}

Outcome write_mailbox_settings(const Postoffice& postoffice, std::string_view mailbox,
                               const MailboxSettings& settings) {
  const std::string folded = fold_mailbox_name(mailbox);
  auto status = why_bad_mailbox_name(folded)
                    ? FileResult<FileStatus>(tl::unexpected(FileError{ENOENT, "look at", folded}))
                    : postoffice.files().status(postoffice.mailbag_directory(folded));
  if (!status) {
    if (status.error().code != ENOENT) return status.error().outcome();
    if (auto problem = why_not_there(postoffice)) return *problem;
    return Outcome::permanent("there is no mailbox " + std::string(mailbox), "5.1.1");
  }
  return write_settings_file(postoffice, folded, settings);
}

Outcome write_settings_file(const Postoffice& postoffice, const std::string& folded,
                            const MailboxSettings& settings) {
  if (auto problem = why_bad_settings(postoffice, settings)) return *problem;
  FileSystem& files = postoffice.files();
  auto owner = owner_for_new_files(files, postoffice.directory());
  if (!owner) return owner.error().outcome();
  // A folder made before mailboxes had settings does not have it.
  const std::string directory = postoffice.path(layout::mailbox_settings);
  auto made = make_owned_directory(files, directory, 0755, *owner);
  if (!made && made.error().code != EEXIST) return made.error().outcome();
  auto written = replace_file(files, settings_path(postoffice, folded),
                              render_mailbox_settings(settings), 0644, *owner);
  if (!written) return written.error().outcome();
  if (made) {
    auto synced = files.sync_directory(parent_directory(directory));
    if (!synced) return synced.error().outcome();
  }
  return Outcome::delivered("settings of mailbox " + folded + " changed");
}

Outcome remove_settings_file(const Postoffice& postoffice, const std::string& folded) {
  auto removed = postoffice.files().remove(settings_path(postoffice, folded));
  if (!removed) {
    if (removed.error().code != ENOENT && removed.error().code != ENOTDIR) {
      return removed.error().outcome();
    }
    return Outcome::delivered("mailbox " + folded + " has no settings");
  }
  auto synced = postoffice.files().sync_directory(postoffice.path(layout::mailbox_settings));
  if (!synced) return synced.error().outcome();
  return Outcome::delivered("settings of mailbox " + folded + " removed");
}

}  // namespace smtpgate::postoffice
