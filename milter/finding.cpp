// The table of findings, and their collector: see the header.
#include "milter/finding.h"

#include <algorithm>
#include <utility>

namespace smtpgate::milter {

const std::vector<FindingDefinition>& finding_definitions() {
  constexpr FindingKind error = FindingKind::error;
  constexpr FindingKind warning = FindingKind::warning;
  static const std::vector<FindingDefinition> table{
      // The gateway itself.
      {"configuration", error,
       "the daemon does not start, door 2 and the look-up answer with a temporary error: mail "
       "waits in Postfix's queue"},
      {"configuration-closed", error,
       "door 2 and the look-up, which run as that user, answer with a temporary error: mail waits"},
      {"user-missing", error, "nothing starts: all mail waits in Postfix's queue"},
      {"group-missing", error, "the daemon does not start: all mail goes by door 2"},
      {"user-unreachable", error, "folders, socket, clocks, keys and host were not looked at"},
      {"work-missing", error, "nothing can be converted: mail waits in Postfix's queue"},
      {"work-unwritable", error,
       "large messages cannot be converted: they wait in Postfix's queue"},
      {"work-open", warning, "other users can read mail while it is converted"},
      {"socket-directory", error, "the daemon does not start: all mail goes by door 2"},
      {"socket-closed", error, "Postfix cannot reach the daemon: all mail goes by door 2"},
      {"socket-open", warning, "any user can file mail in anybody's name"},
      {"daemon-away", warning, "all mail goes the slower way, by door 2; none is lost"},
      {"postoffice-unreadable", error, "its mail waits in Postfix's queue"},
      {"postoffice-other", error, "its mail waits in Postfix's queue"},
      {"postoffice-unwritable", error, "its mail waits in Postfix's queue"},
      {"shadow-mode", warning,
       "nothing is claimed and nobody refused: Postfix delivers all mail as if we were not there; "
       "what it routes to us waits"},
      {"shadow-routed", error,
       "door 2 and the look-up put it off in shadow mode: recipients are refused for the time "
       "being, "
       "and what waits is returned when it is too old"},
      {"shadow-is-real", error, "the daemon does not start, so that nothing is filed there"},
      {"shadow-missing", error, "nothing is tried there; Postfix delivers all mail as ever"},
      {"shadow-as-real", error, "its mail waits in Postfix's queue"},
      {"names-shared", warning,
       "mail for them goes to the first of the postoffices; who has the name in another is known "
       "under that postoffice's own domain only"},
      {"records-unwritable", error, "the daemon does not start: all mail goes by door 2"},
      {"status-page", warning,
       "nobody sees how the gateway does, and who asks for /metrics gets no answer; mail goes on"},
      {"status-open", warning,
       "every user of this machine can read who writes to whom on the status page"},
      {"status-token", warning, "the status page and /metrics answer with an error"},
      {"peer-key", error, "mail to and from the peer waits"},
      {"host-away", warning, "outgoing mail waits, and is returned when it is too old"},
      {"space-low", warning,
       "when it is full, mail waits in Postfix's queue until that is full too"},
      {"inodes-low", warning, "when there are none, mail waits in Postfix's queue"},
      {"clock-wrong", error,
       "times of arrival, the age at which mail is returned or expires, and the days within which "
       "a duplicate is known are wrong"},
      {"clock-differs", warning,
       "ages of files are wrong by as much: another host's work may be taken for left behind"},
      // Postfix as a whole.
      {"postfix-silent", error, "nothing is known of how mail comes to the gateway"},
      {"milter-missing", warning, "all mail goes the slower way, by door 2"},
      {"milter-not-last", error,
       "a milter after ours refuses what is filed already: the sender is told that it failed, and "
       "the mailbox has it"},
      {"milter-no-accept", error, "while the daemon is stopped, Postfix refuses all mail"},
      {"milter-unreachable", error, "that smtpd never finds the daemon: its mail goes by door 2"},
      {"milter-non-smtpd", warning,
       "each local message waits for the daemon, which does nothing with it"},
      {"milter-before-filter", error, "mail is filed that no filter has seen"},
      {"milter-proxy-filter", error, "the milter gets no content, so nothing is filed by door 1"},
      {"milter-protocol", warning,
       "the two doors see header fields differently, so a message that "
       "comes by both after a crash may be filed twice"},
      {"milter-timeout", warning,
       "Postfix gives up a large message that the daemon still files: it comes again by door 2 and "
       "is found to be a duplicate"},
      {"discard-unsafe", warning,
       "the daemon deletes recipients one by one, as with claim = \"delete\", and says so in its "
       "log"},
      {"discard-slow", warning,
       "Postfix's queue manager never hands back the tokens of discarded messages, and each "
       "message "
       "then waits a second"},
      {"filter-loop", error, "what the filter hands back is filtered again, without end"},
      {"filter-is-ours", error,
       "all mail, outgoing too, comes to the gateway, which knows no such recipients: it waits"},
      {"transport-missing", error, "mail for the postoffices waits: no such transport"},
      {"transport-not-lmtp", error, "door 2 cannot be spoken to: mail waits, or is lost in a pipe"},
      {"transport-folds", warning,
       "Postfix breaks long lines, and the two doors do not see the same message"},
      {"transport-rewrites", warning,
       "the two doors do not see the same message, so one that comes by both after a crash may be "
       "filed twice"},
      {"transport-deferred", error, "whatever door 1 does not claim waits until it is returned"},
      {"door-missing", error, "whatever door 1 does not claim waits until it is returned"},
      {"lookup-missing", error, "Postfix cannot ask who exists: it answers 451 to everybody"},
      {"program-missing", error, "the service cannot start: mail waits"},
      {"door-user", error,
       "door 2 or the look-up cannot write or read what the daemon can: mail waits"},
      {"door-configuration", warning, "door 2 or the look-up works by other rules than the daemon"},
      {"door-few", warning, "deliveries wait for each other and may be deferred"},
      {"door-time-limit", warning,
       "spawn(8) ends door 2 within a large message, which comes again"},
      {"lmtp-timeout", warning,
       "Postfix gives up while door 2 still files: the message comes again and is found to be a "
       "duplicate"},
      {"size-limit", warning, "Postfix takes messages that door 2 returns to their senders"},
      {"domain-refused", error, "Postfix refuses its mail from outside: Relay access denied"},
      {"domain-elsewhere", error, "its mail never comes to the gateway"},
      {"domain-other-door", error, "its mail waits: no smtpgate deliver listens there"},
      {"domain-unclear", warning, "if it is routed elsewhere, its mail never comes to the gateway"},
      {"domain-two-classes", warning,
       "Postfix takes the first class alone, with that class's look-up, and logs a warning for "
       "each "
       "message"},
      {"default-is-ours", error, "outgoing mail comes back to the gateway and waits"},
      {"lookup-not-asked", warning,
       "while the daemon is stopped, mail to unknown recipients is taken and comes back as a "
       "bounce "
       "to whoever was named as sender"},
      {"original-recipient", error, "claiming one recipient can remove another"},
      {"late-checks", warning,
       "HOLD and FILTER come too late for what door 1 claims, which is filed at once"},
      {"bare-newline", warning,
       "a sender can smuggle in a second message with any sender address (CVE-2023-51764)"},
      {"sender-rewritten", warning,
       "the two doors see different senders, so a message that comes by both after a crash may be "
       "filed twice"},
      {"soft-bounce", warning,
       "what is refused for good is tried for days, and nobody is told of a wrong address"},
      {"name-rewritten", error, "claiming such a name cancels what the table makes of it"},
      {"table-unreadable", warning,
       "if it rewrites a name of a postoffice, claiming that name cancels the rewriting"},
      {"catch-all-rewritten", warning,
       "the catch-all takes what the table rewrites: claiming it cancels the rewriting"},
      {"alias-refused", warning,
       "door 1 refuses names that only the table knows with 550 5.1.1, though Postfix would take "
       "them"},
      {"queue-lifetime", warning,
       "a message that Postfix tries again after so long is not known any more and is filed twice"},
  };
  return table;
}

void Findings::ok(std::string text) {
  add({FindingKind::ok, std::move(text)});
}

void Findings::add(std::string_view id, std::string text, std::string where, std::string remedy) {
  const auto& table = finding_definitions();
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const FindingDefinition& one) { return one.id == id; });
  // A word that is not in the table is our own mistake; the tests provoke every finding.
  if (found == table.end()) {
    return add({FindingKind::error,
                std::move(text),
                std::string(id),
                std::move(where),
                {},
                std::move(remedy)});
  }
  add({found->kind, std::move(text), found->id, std::move(where), found->consequence,
       std::move(remedy)});
}

void Findings::add(Finding finding) {
  const bool known = std::any_of(list_.begin(), list_.end(), [&](const Finding& one) {
    return one.kind == finding.kind && one.text == finding.text && one.where == finding.where;
  });
  if (!known) list_.push_back(std::move(finding));
}

}  // namespace smtpgate::milter
