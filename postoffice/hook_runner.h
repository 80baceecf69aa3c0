// Runs the command of one folder mailbox for each unread message, oldest first: when it is due,
// under a claim that nobody else has, so many at once, for so long; and does with the message what
// the command's end says (docs/folder-mailboxes.md, "The command").
//
// Not for becoming the mailbox's user (programs/hook_commands.cpp), nor for starting a process
// (hook_process.h). Needs no more rights than the mailbox's group has. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <string>

#include "postoffice/groups.h"
#include "postoffice/hook_claim.h"
#include "postoffice/hook_process.h"
#include "postoffice/mailbag.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

class HookRunner {
 public:
  /// `log` gets a line, printable, for each run that ended and for all that goes wrong.
  HookRunner(const Postoffice& postoffice, Mailbag mailbag,
             std::function<void(const std::string&)> log);

  /// The mailbox is looked through again by the next start_due(); otherwise only when all that was
  /// seen in it is through.
  void look_again() { looks_again_ = true; }
  /// Starts what is due, as far as `settings` allow. Temporary: the mailbag cannot be read.
  Outcome start_due(const MailboxSettings& settings, std::int64_t now);
  /// Looks at what runs, and sees to what has ended.
  void poll(std::int64_t now);
  /// Ends all that runs; such runs do not count as tries.
  void end_all();

  std::size_t running() const { return runs_.size(); }
  bool is_idle() const { return runs_.empty() && waiting_.empty(); }
  /// When the next message is due that had to wait; far away if none has.
  std::int64_t next_due() const { return next_due_; }
  /// Runs that did not end in success, so far.
  std::uint64_t failures() const { return failures_; }

 private:
  struct Run {
    MailbagEntry entry;
    HookClaim claim;
    HookProcess process;
    HookState state;
    HookSettings settings;
    HookProcess::Clock::time_point started;
    HookProcess::Clock::time_point renewed;
    bool is_interrupted = false;
  };

  Outcome list(std::int64_t now);
  void start(const MailbagEntry& entry, const MailboxSettings& settings, std::int64_t now);
  void finish(Run& run, const HookEnd& end, std::int64_t now);
  void finish_done(Run& run, std::int64_t now);
  void finish_failed(Run& run, const HookEnd& end, std::int64_t now);
  void tell_again(const MailbagEntry& entry, HookState& state, std::int64_t now);
  /// False: nobody was told; it was said why.
  bool tell(const MailbagEntry& entry, HookState& state, std::string_view output);
  bool report(const MailbagEntry& entry, const HookState& state, std::string_view output);
  void say(const MailbagEntry& entry, const std::string& text) const;
  std::vector<std::pair<std::string, std::string>> environment(const MailbagEntry& entry,
                                                               const std::string& directory,
                                                               int attempt) const;

  const Postoffice& postoffice_;
  FileSystem& files_;
  Mailbag mailbag_;
  std::function<void(const std::string&)> log_;
  std::deque<MailbagEntry> waiting_;
  std::list<Run> runs_;
  bool looks_again_ = true;
  std::int64_t next_due_ = 0;
  std::uint64_t failures_ = 0;
};

}  // namespace smtpgate::postoffice
