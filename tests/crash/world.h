// A gateway on a simulated disk and everybody around it: clients, Postfix with its queue, the users
// with their outboxes and mailbags, the designated host. What of them dies with the gateway's
// process and what with the machine, and what each of them does when it is there again.
//
// The gateway's parts are the real ones, called as its programs call them: door 1's session, door
// 2's conversation, the outbox, the tries of outgoing mail, and the cleaning at the start.
//
// One thread; a World is used for many runs, each from the same prepared disk.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "milter/configuration.h"
#include "milter/configuration_source.h"
#include "milter/log.h"
#include "milter/submission.h"
#include "postoffice/outgoing.h"
#include "postoffice/postoffice.h"
#include "tests/crash/simulated_disk.h"

namespace smtpgate::crash {

/// Those of the prepared postoffice but the postmaster: people, one whose mailbox is a folder
/// (fred), one with room for a single message (gerd), one whose folder has a command (hugo).
inline constexpr std::array<const char*, 8> people{"anna", "ben",  "carl", "dora",
                                                   "emil", "fred", "gerd", "hugo"};

/// Who dies at the stop.
enum class Death {
  process,  ///< ours; Postfix and the client go on
  machine,  ///< ours with Postfix; the client goes on
};

/// What somebody sends from the Internet.
struct InboundMail {
  std::string content;  ///< CRLF
  std::string sender;
  std::vector<std::string> recipients;
  bool by_door_1 = true;  ///< the daemon runs; otherwise all comes through door 2
};

/// What a user drops in the outbox.
struct OutboxFile {
  std::string mailbox;
  std::string name;
  std::string content;
};

/// What somebody does with a command, in every life of the world.
struct Errand {
  enum class Kind {
    once,     ///< until it said that it is done; the world waits for that
    service,  ///< whenever it is due; the world waits until it is not
    habit,    ///< whenever it is due; nobody waits
  };
  Kind kind = Kind::once;
  /// One run. `is_again`: an earlier one was broken off, or came to nothing. Temporary: run again.
  std::function<Outcome(class World&, bool is_again)> run;
  std::function<bool(const class World&)> is_due{};  ///< absent: always
  /// What a run that is broken off, or that says it failed, may cause by its document: so many
  /// second copies, and so many messages less.
  std::uint64_t may_double = 0;
  std::uint64_t may_lose = 0;
};

/// What goes on, and what was there before.
struct Scenario {
  std::string name;
  std::vector<InboundMail> inbound;
  std::vector<OutboxFile> outbox;
  /// Mailboxes whose outboxes are looked at, beside those of `outbox`.
  std::vector<std::string> watched{};
  std::vector<Errand> errands{};
  /// What the command of a folder mailbox does: its exit code, by how often it was tried.
  std::function<int(int attempt)> command{};
  /// What waits in SMTP/ is sent by the daemon; otherwise an errand takes it.
  bool sends = true;
  /// Names and contents of settings, aliases and groups are looked at too.
  bool shows_settings = false;
  /// What readers may do with what comes, before anything was done with it.
  bool may_be_read = true;
  bool may_be_deleted = true;
  /// Recipients that the designated host refuses.
  std::vector<std::string> refused_recipients;
  /// Recipients that it defers the first time and refuses then.
  std::vector<std::string> refused_later;
  /// A fault that lasts for the whole run, and belongs to the scenario ("no hard links here").
  std::optional<SimulatedDisk::Fault> condition;
  /// A disk whose files have names from the beginning, so that messages need work directories.
  bool has_linkable_files = true;
  /// What is handed over is sent at once by another thread, between any two operations.
  bool sends_meanwhile = false;
  /// The message was there before, and what a reader does to that copy is no matter of ours.
  bool is_a_retry = false;
  /// A power cut before this is true may lose what somebody else had not synced; absent: always.
  std::function<bool(const class World&)> counts_from;
  /// What happened before, on the disk as it is then.
  std::function<void(class World&)> before;
};

/// One line for each message that can be seen: where it is and all that it says. Sorted.
using Findings = std::vector<std::string>;

class MemoryLog : public milter::Log {
 public:
  void write(milter::Severity severity, std::string_view text) override;
  bool has(std::string_view part) const { return count(part) > 0; }
  std::size_t count(std::string_view part) const;  ///< of lines with it
  void clear() { lines_.clear(); }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

class World {
 public:
  World();
  ~World();

  /// A fresh disk with the postoffice as it is before the scenario, and nobody has done anything.
  void begin(const Scenario& scenario);

  /// All that the parties want to do now, as far as they get: until there is nothing left to do, or
  /// the disk stops.
  void live();
  /// At the stop, or after it. Everybody who lives learns what he can.
  void die(Death death, const Loss& loss = {});
  /// The start of the gateway's programs: what was left over is cleared and taken up.
  void start();
  /// Nobody has anything left to do.
  bool is_over() const;

  /// Somebody else of ours, at any moment while we are at work.
  enum class Neighbour {
    sender,   ///< the daemon's threads that send
    gateway,  ///< a daemon that starts on the same host, and looks at all that waits
  };
  void work_beside(Neighbour neighbour);

  /// What a reader does, at any moment, behind the gateway's back: all messages of all mailboxes.
  void read_all();  ///< new/ to cur/ by a plain rename
  /// Noted as seen. How many of them had no marker yet: those may come again.
  std::uint64_t delete_all();
  std::uint64_t delete_all_of(const std::string& mailbox);
  /// A reader in an errand: what had no marker may come again.
  void empty_mailbox(const std::string& mailbox) { unmarked_ += delete_all_of(mailbox); }

  /// What became of it all.
  Findings findings() const;
  /// What is left over and should not be: P1, temporary names, half-removed messages.
  std::vector<std::string> leftovers() const;
  /// `postoffice check --repair`: what it found and did not mend.
  Findings check();
  /// Of messages that lie somewhere, those that are not whole.
  std::vector<std::string> damaged() const;
  /// How many second copies are allowed by RFC 1047: submitted, and we died before we knew.
  std::uint64_t in_doubt() const { return in_doubt_; }
  /// Second copies, and missing messages, that the documents of broken-off commands allow.
  std::uint64_t may_double() const { return may_double_; }
  std::uint64_t may_lose() const { return may_lose_; }
  /// Second copies of what a reader in an errand deleted too early.
  std::uint64_t unmarked() const { return unmarked_; }
  /// Permanent refusals that were given; there should be none for a fault of ours.
  const std::vector<std::string>& refusals() const { return refusals_; }

  /// Only so many answers of the doors get out before the process dies; nothing: all.
  std::optional<std::size_t> answers_left;
  /// What Postfix does of what door 1 deleted before it died: keep the deletions, or not.
  bool keeps_deletions = true;

  SimulatedDisk& disk() { return disk_; }
  const SimulatedDisk& disk() const { return disk_; }
  MemoryLog& log() { return log_; }
  postoffice::Postoffice open();
  std::string mailbag(const std::string& mailbox) const;
  std::vector<std::string> mailboxes() const;
  static std::string folder() { return "/po"; }
  /// Where people have files of their own, by hand.
  static std::string desk() { return "/desk"; }
  /// A run of an errand was broken off where its document allows a second copy.
  void allow_second_copy() { ++may_double_; }
  /// `postoffice run-hooks --once` for one folder mailbox.
  Outcome run_hooks(const std::string& mailbox);

 private:
  /// One message on its way in, as client and Postfix see it.
  struct Inbound {
    InboundMail mail;
    bool is_accepted = false;            ///< the client has its 250
    std::vector<std::string> queue;      ///< recipients that Postfix still has
    std::vector<std::string> deletions;  ///< by door 1, in the transaction that is going on
  };

  bool answer_gets_out();
  void run_errands();
  bool is_due(const Errand& errand) const;
  int run_command(const std::string& directory, int attempt);
  void look_at_quota();
  std::vector<std::string> watched_outboxes() const;
  void send_by_client(Inbound& inbound);
  void deliver_by_postfix(Inbound& inbound);
  std::vector<std::string> lmtp(const std::string& input);
  template <typename T>
  bool tells(const Expected<T>& result);
  void send_outgoing();
  void try_waiting();
  void send_what_is_free();
  milter::SubmissionResult submit(const converter::OutboundEnvelope& envelope,
                                  converter::Spool& content,
                                  const std::function<void()>& before_end);
  std::string describe(const std::string& path) const;
  bool is_directory(const std::string& path) const;
  void add_found(Findings& result, const std::string& where, const std::string& path) const;
  void add_settings(Findings& result) const;
  void add_mail(Findings& result, const std::string& mailbox) const;

  std::string directory_;  ///< of the configuration, on the real disk
  SimulatedDisk disk_;
  std::shared_ptr<const SimulatedDisk::Image> prepared_;
  std::shared_ptr<const milter::Configuration> configuration_;
  milter::ConfigurationSource source_;
  MemoryLog log_;
  const Scenario* scenario_ = nullptr;
  std::vector<Inbound> inbound_;
  std::vector<std::string> submitted_;  ///< what the designated host has taken
  std::vector<std::string> taken_;      ///< by commands of folder mailboxes
  std::vector<std::string> removed_;    ///< what readers have deleted, having seen it
  std::vector<std::string> refusals_;
  std::vector<std::string> broken_;  ///< what should never be, seen meanwhile
  /// By place in the scenario: done, and broken off at least once.
  std::set<std::size_t> done_errands_;
  std::set<std::size_t> broken_errands_;
  std::uint64_t may_double_ = 0;
  std::uint64_t may_lose_ = 0;
  std::uint64_t unmarked_ = 0;
  std::vector<std::string> deleted_marked_;  ///< markers of what its reader has deleted
  std::uint64_t commands_in_hand_ = 0;
  bool power_was_cut_ = false;
  std::set<std::string> tried_;  ///< of those that are refused later
  /// By ID: what the daemon has in memory only, and how many of it the host has taken.
  std::map<std::string, std::pair<postoffice::OutgoingState, std::uint64_t>> unsaved_;
  std::int64_t looks_ = 0;  ///< for outgoing mail
  std::uint64_t submitted_in_try_ = 0;
  std::uint64_t in_doubt_ = 0;
};

}  // namespace smtpgate::crash
