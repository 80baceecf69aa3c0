// What `postoffice check` finds under GLB and GRP. See check_report.h and docs/checking.md.
#include <algorithm>
#include <cerrno>

#include "postoffice/check_report.h"
#include "postoffice/folder.h"
#include "postoffice/groups.h"
#include "postoffice/mailbox_changes.h"
#include "postoffice/mailbox_settings.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::string_view settings_suffix = ".toml";

bool has_mailbox(const std::vector<std::string>& mailboxes, const std::string& name) {
  return std::binary_search(mailboxes.begin(), mailboxes.end(), name);
}

void check_aliases(const Postoffice& postoffice, const std::vector<std::string>& mailboxes,
                   CheckReport& report) {
  const auto aliases = postoffice.list_aliases();
  if (!aliases) {
    report.find({"alias-file", aliases.error().sentence(), "mend the line"});
    return;
  }
  for (const Postoffice::Alias& alias : *aliases) {
    if (has_mailbox(mailboxes, alias.mailbox)) continue;
    report.find({"alias-nowhere",
                 "alias " + alias.name + " is of mailbox " + alias.mailbox + ", which is not there",
                 "`alias remove` it, or add the mailbox"});
  }
}

void check_groups(const Postoffice& postoffice, const std::vector<std::string>& mailboxes,
                  CheckReport& report) {
  const auto names = list_groups(postoffice);
  if (!names) {
    report.trouble(names.error());
    return;
  }
  for (const std::string& name : *names) {
    const auto group = read_group(postoffice, name);
    if (!group) {
      report.find({"group-file", group.error().sentence(), "mend the line"});
      continue;
    }
    if (!has_mailbox(mailboxes, fold_mailbox_name(group->owner))) {
      report.find({"group-owner",
                   "group " + name + " belongs to " + group->owner + ", who is not there",
                   "`group remove` and `group add` it with another --owner"});
    }
    for (const std::string& member : group->members) {
      // Addresses elsewhere are known when mail goes there.
      if (member.find_first_of("@/:") != std::string::npos) continue;
      const auto resolved = postoffice.resolve(member);
      if (resolved) continue;
      if (resolved.error().is_temporary()) {
        report.trouble(resolved.error());
        continue;
      }
      report.find({"group-member", "member " + member + " of group " + name + " means nobody here",
                   "`group member remove` it, or add the mailbox"});
    }
  }
}

void check_mailbox_settings(const Postoffice& postoffice, const std::vector<std::string>& mailboxes,
                            CheckReport& report) {
  const std::string directory = postoffice.path(layout::mailbox_settings);
  const auto names = postoffice.files().list(directory);
  if (!names) {
    if (names.error().code != ENOENT) report.trouble(names.error().outcome());
    return;
  }
  for (const std::string& name : *names) {
    if (name.front() == '.' || !name.ends_with(settings_suffix)) continue;
    const std::string mailbox = name.substr(0, name.size() - settings_suffix.size());
    if (!has_mailbox(mailboxes, mailbox)) {
      report.find({"settings-nowhere",
                   path_in(directory, name) + " is of a mailbox that is not there",
                   "remove the file, or add the mailbox"});
      continue;
    }
    if (auto settings = read_mailbox_settings(postoffice, mailbox); !settings) {
      report.find({"mailbox-settings", settings.error().sentence(), "mend the line"});
    }
  }
}

}  // namespace

void check_changes(const Postoffice& postoffice, CheckReport& report) {
  const std::string path = postoffice.path("GLB/CHANGES.json");
  const auto status = postoffice.files().status(path);
  if (!status) {
    if (status.error().code != ENOENT) report.trouble(status.error().outcome());
    return;
  }
  report.find({"changes-unfinished", path + ": a change of mailboxes was begun and is not finished",
               "any change by `postoffice mailbox` finishes it"},
              [&] {
                auto changes = MailboxChanges::begin(postoffice);
                return changes ? Outcome::delivered("finished") : changes.error();
              });
}

void check_settings(const Postoffice& postoffice, CheckReport& report) {
  const auto mailboxes = postoffice.list_mailboxes();
  if (!mailboxes) {
    report.trouble(mailboxes.error());
    return;
  }
  check_aliases(postoffice, *mailboxes, report);
  check_groups(postoffice, *mailboxes, report);
  check_mailbox_settings(postoffice, *mailboxes, report);
}

}  // namespace smtpgate::postoffice
