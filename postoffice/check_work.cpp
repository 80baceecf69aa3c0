// What `postoffice check` finds in P1 and SMTP: work nobody does, mail nobody hears of. See
// check_report.h and docs/checking.md.
#include <algorithm>
#include <cerrno>

#include "postoffice/check_report.h"
#include "postoffice/folder.h"
#include "postoffice/locked_directory.h"
#include "postoffice/outgoing.h"
#include "postoffice/put.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::int64_t minute = 60;
constexpr std::int64_t day = 86'400;

/// Whether some process has it. Its lock is held here only for the moment of looking.
bool is_abandoned(FileSystem& files, const std::string& path, CheckReport& report) {
  const auto status = files.status(path);
  if (!status || status->kind != FileKind::directory) return false;
  // A process may be about to lock it.
  if (status->modified > report.options().now - minute) return false;
  // A file taken from an outbox is looked after by the daemon.
  if (files.status(path_in(path, layout::taken_file))) return false;
  const auto lock = lock_directory(files, path);
  if (!lock) report.trouble(lock.error().outcome());
  return lock && *lock != nullptr;
}

void check_host(const Postoffice& postoffice, const std::string& host, CheckReport& report) {
  FileSystem& files = postoffice.files();
  const std::string directory = path_in(postoffice.path(layout::work), host);
  const auto listed = files.list_with_status(directory);
  if (!listed) {
    if (listed.error().code != ENOENT && listed.error().code != ENOTDIR) {
      report.trouble(listed.error().outcome());
    }
    return;
  }
  if (host != postoffice.host()) {
    const auto old = std::count_if(listed->begin(), listed->end(), [&](const NamedStatus& one) {
      return one.status.modified < report.options().now - day;
    });
    if (old == 0) return;
    report.find({"work-elsewhere",
                 directory + ": " + std::to_string(old) + " pieces of work are older than a day",
                 "start the gateway on that host; if it is gone for good, remove them"});
    return;
  }
  const auto left = std::count_if(listed->begin(), listed->end(), [&](const NamedStatus& one) {
    return is_abandoned(files, path_in(directory, one.name), report);
  });
  if (left == 0) return;
  report.find(
      {"work-left", directory + ": " + std::to_string(left) + " pieces of work are nobody's",
       "the daemon removes them when it starts; so does --repair"},
      [&] {
        auto cleared = clear_abandoned_work(postoffice);
        return cleared ? Outcome::delivered("removed") : cleared.error();
      });
}

void check_outgoing(const Postoffice& postoffice, CheckReport& report) {
  const auto entries = OutgoingMail(postoffice).list();
  if (!entries) return report.trouble(entries.error());
  for (const OutgoingEntry& entry : *entries) {
    const OutgoingState& state = entry.state;
    if (entry.is_bad) {
      report.find({"outgoing-bad", "outgoing message " + state.id + " lies in BAD: " + state.reason,
                   "`queue show`, then retry, return or delete it", CheckFinding::State::note});
      continue;
    }
    if (state.mailbox.empty()) continue;
    const auto mailbag = postoffice.files().status(postoffice.mailbag_directory(state.mailbox));
    if (mailbag || mailbag.error().code != ENOENT) continue;
    const auto resolved = postoffice.resolve(state.mailbox);  // it was renamed
    if (resolved || resolved.error().is_temporary()) continue;
    report.find({"outgoing-nobody",
                 "outgoing message " + state.id + " is of mailbox " + state.mailbox +
                     ", which is not there",
                 "`queue return` or `queue delete` it, or add the mailbox"});
  }
}

}  // namespace

void check_work(const Postoffice& postoffice, CheckReport& report) {
  const auto hosts = postoffice.files().list(postoffice.path(layout::work));
  if (!hosts) return report.trouble(hosts.error().outcome());
  for (const std::string& host : *hosts) check_host(postoffice, host, report);
  check_outgoing(postoffice, report);
}

}  // namespace smtpgate::postoffice
