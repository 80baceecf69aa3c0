// Running hooks; see the header.
#include "postoffice/hook_runner.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <pwd.h>
#include <sysexits.h>
#include <unistd.h>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/compose.h"
#include "postoffice/folder.h"
#include "postoffice/message_summary.h"
#include "postoffice/printable.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
constexpr auto between_renewals = std::chrono::seconds(60);
constexpr std::size_t longest_said = 300;  // octets of a command's output in a line

/// Nothing that means more than itself in a path, an argument or an environment, whoever chose it.
bool is_safe_id(std::string_view id) {
  constexpr std::size_t longest = 128;
  return !id.empty() && id.size() <= longest && id.front() != '-' &&
         std::all_of(id.begin(), id.end(),
                     [](char c) { return is_ascii_alpha(c) || is_ascii_digit(c) || c == '-'; });
}

std::string last_line(std::string_view output) {
  const std::string_view text = trim(output);
  const std::size_t end = text.rfind('\n');
  return std::string(end == std::string_view::npos ? text : text.substr(end + 1));
}

}  // namespace

HookRunner::HookRunner(const Postoffice& postoffice, Mailbag mailbag,
                       std::function<void(const std::string&)> log)
    : postoffice_(postoffice),
      files_(postoffice.files()),
      mailbag_(std::move(mailbag)),
      log_(std::move(log)) {}

void HookRunner::say(const MailbagEntry& entry, const std::string& text) const {
  log_(fmt::format("{}: message {}: {}", printable(mailbag_.mailbox()), printable(entry.id),
                   printable(text)));
}

/// Oldest first. Messages that wait for their time are left out, and so are those set aside.
Outcome HookRunner::list(std::int64_t now) {
  auto entries = mailbag_.list();
  if (!entries) return entries.error();
  waiting_.clear();
  next_due_ = never;
  for (auto entry = entries->rbegin(); entry != entries->rend(); ++entry) {
    if (entry->is_read || !entry->is_folder || !is_safe_id(entry->id)) continue;
    const bool runs = std::any_of(runs_.begin(), runs_.end(),
                                  [&entry](const Run& run) { return run.entry.id == entry->id; });
    if (runs) continue;
    const HookState state = HookState::read(files_, mailbag_.path(*entry));
    if (state.is_set_aside && state.is_reported) continue;
    if (!is_hook_due(state, now)) {
      next_due_ = std::min(next_due_, state.next_try);
    } else {
      waiting_.push_back(std::move(*entry));
    }
  }
  looks_again_ = false;
  return Outcome::delivered("looked through");
}

Outcome HookRunner::start_due(const MailboxSettings& settings, std::int64_t now) {
  if (waiting_.empty() && (looks_again_ || now >= next_due_)) {
    if (Outcome listed = list(now); !listed.is_delivered()) return listed;
  }
  while (!waiting_.empty() &&
         runs_.size() < static_cast<std::size_t>(settings.hook_settings.at_once)) {
    const MailbagEntry entry = std::move(waiting_.front());
    waiting_.pop_front();
    start(entry, settings, now);
  }
  return Outcome::delivered("started");
}

std::vector<std::pair<std::string, std::string>> HookRunner::environment(
    const MailbagEntry& entry, const std::string& directory, int attempt) const {
  std::vector<std::pair<std::string, std::string>> variables = {
      {"PATH", "/usr/local/bin:/usr/bin:/bin"},
      {"LANG", "C.UTF-8"},
      {"POSTOFFICE", postoffice_.directory()},
      {"MAILBOX", mailbag_.mailbox()},
      {"MESSAGE_ID", entry.id},
      {"MESSAGE_DIR", directory},
      {"HOOK_ATTEMPT", std::to_string(attempt)}};
  std::vector<char> buffer(std::size_t{16} << 10);
  struct passwd user{};
  struct passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &user, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr) {
    variables.emplace_back("HOME", found->pw_dir);
    variables.emplace_back("USER", found->pw_name);
    variables.emplace_back("LOGNAME", found->pw_name);
  }
  return variables;
}

void HookRunner::start(const MailbagEntry& entry, const MailboxSettings& settings,
                       std::int64_t now) {
  const std::string directory = mailbag_.path(entry);
  auto claim = HookClaim::take(files_, directory, postoffice_.host());
  if (!claim) {
    ++failures_;
    return say(entry, claim.error().sentence());
  }
  if (!*claim) {
    // Somebody else is at it, or it is gone: looked at again later.
    next_due_ = std::min(next_due_, now + hook_claim_lasts);
    return;
  }
  // What another host did until a moment ago.
  HookState state = HookState::read(files_, directory);
  if ((state.is_set_aside && state.is_reported) || !is_hook_due(state, now)) return;
  if (state.is_set_aside) return tell_again(entry, state, now);
  std::vector<std::string> words = settings.hook;
  words.push_back(directory);
  const int attempt = state.failures + state.delays + 1;
  auto process = HookProcess::start(words, directory, environment(entry, directory, attempt),
                                    std::chrono::seconds(settings.hook_settings.seconds));
  const auto started = HookProcess::Clock::now();
  if (!process) {
    // A program that is not there is put right by a person; until then it is tried again.
    HookState next = state;
    ++next.delays;
    next.next_try = now + hook_pause(next.delays + next.failures);
    next.last = process.error().sentence();
    ++failures_;
    next_due_ = std::min(next_due_, next.next_try);
    say(entry, process.error().sentence());
    if (Outcome kept = next.write(files_, directory); !kept.is_delivered()) {
      say(entry, kept.sentence());
    }
    return;
  }
  runs_.push_back({entry, std::move(**claim), std::move(*process), std::move(state),
                   settings.hook_settings, started, started});
}

void HookRunner::poll(std::int64_t now) {
  for (auto run = runs_.begin(); run != runs_.end();) {
    const auto clock = HookProcess::Clock::now();
    if (clock - run->renewed >= between_renewals) {
      run->renewed = clock;
      if (!run->claim.renew() && !run->is_interrupted) {
        say(run->entry, "the claim is lost: moved, or another host has it; ended");
        run->is_interrupted = true;
        run->process.end();
      }
    }
    const auto end = run->process.poll();
    if (!end) {
      ++run;
      continue;
    }
    finish(*run, *end, now);
    run = runs_.erase(run);
  }
}

void HookRunner::end_all() {
  for (Run& run : runs_) {
    run.is_interrupted = true;
    run.process.end();
  }
}

void HookRunner::finish(Run& run, const HookEnd& end, std::int64_t now) {
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      HookProcess::Clock::now() - run.started);
  std::string text =
      fmt::format("{} after {:.1f} s", end.str(), static_cast<double>(took.count()) / 1000);
  const bool is_done = end.exit_code == EX_OK && !end.is_timed_out;
  if (!is_done && !trim(end.output).empty()) {
    text += ", its last words: " + printable(last_line(end.output), longest_said);
  }
  log_(fmt::format("{}: message {}: {}", printable(mailbag_.mailbox()), printable(run.entry.id),
                   text));
  if (is_done) return finish_done(run, now);
  if (run.is_interrupted) return;  // to be run again
  finish_failed(run, end, now);
}

/// First out of new/, then without its claim: nobody can run it in between.
void HookRunner::finish_done(Run& run, std::int64_t now) {
  if (run.settings.removes) {
    const Outcome removed = mailbag_.remove(run.entry);
    // Gone: the command has taken it away itself.
    if (removed.is_temporary()) say(run.entry, removed.sentence());
    run.claim.forget();
    return;
  }
  const Outcome moved = mailbag_.mark_read(run.entry);
  if (!moved.is_delivered()) {
    // Permanent: gone, the command has taken it away itself.
    if (moved.is_permanent()) return;
    say(run.entry, moved.sentence() + "; its command will be run again");
    ++failures_;
    ++run.state.delays;
    run.state.last = moved.sentence();
    run.state.next_try = now + hook_pause(run.state.failures + run.state.delays);
    next_due_ = std::min(next_due_, run.state.next_try);
    if (Outcome kept = run.state.write(files_, mailbag_.path(run.entry)); !kept.is_delivered()) {
      say(run.entry, kept.sentence());
    }
    return;
  }
  run.claim.forget();
  MailbagEntry read = run.entry;
  read.is_read = true;
  for (const char* name : {".hook-run", ".hook-state"}) {
    auto removed = files_.remove(path_in(mailbag_.path(read), name));
    if (!removed && removed.error().code != ENOENT) say(run.entry, removed.error().sentence());
  }
}

void HookRunner::finish_failed(Run& run, const HookEnd& end, std::int64_t now) {
  ++failures_;
  HookState& state = run.state;
  const bool is_delay = end.exit_code == EX_TEMPFAIL || end.exit_code < 0 || end.is_timed_out;
  is_delay ? ++state.delays : ++state.failures;
  state.last = end.str();
  if (const std::string words = last_line(end.output); !words.empty()) {
    state.last += ": " + printable(words, longest_said);
  }
  state.next_try = now + hook_pause(state.failures + state.delays);
  state.is_set_aside = state.failures >= run.settings.attempts;
  next_due_ = std::min(next_due_, state.next_try);
  // Written down first and told then: what cannot be written down would be told after each try.
  if (Outcome kept = state.write(files_, mailbag_.path(run.entry)); !kept.is_delivered()) {
    return say(run.entry, kept.sentence() + "; its command will be run again");
  }
  if (state.is_set_aside) {
    say(run.entry, "set aside; `postoffice run-hooks --retry` has it tried again");
  }
  const bool is_due = state.is_set_aside || state.delays >= run.settings.attempts;
  if (is_due && !state.is_reported) tell(run.entry, state, end.output);
}

/// What was set aside stays so and is not run again meanwhile: it is only told of, later.
void HookRunner::tell_again(const MailbagEntry& entry, HookState& state, std::int64_t now) {
  if (tell(entry, state, {})) return;
  ++failures_;
  state.next_try = now + hook_pause(state.failures + state.delays);
  next_due_ = std::min(next_due_, state.next_try);
  if (Outcome kept = state.write(files_, mailbag_.path(entry)); !kept.is_delivered()) {
    say(entry, kept.sentence());
  }
}

bool HookRunner::tell(const MailbagEntry& entry, HookState& state, std::string_view output) {
  if (!report(entry, state, output)) return false;
  state.is_reported = true;
  if (Outcome kept = state.write(files_, mailbag_.path(entry)); !kept.is_delivered()) {
    say(entry, kept.sentence() + "; the postmaster may be told again");
  }
  return true;
}

/// To the postmaster, through the mailbox's own outbox. Never about a report of ours that came back
/// here, nor from the postmaster to himself: that would have no end.
bool HookRunner::report(const MailbagEntry& entry, const HookState& state,
                        std::string_view output) {
  const MessageSummary summary = summarize(mailbag_, entry, postoffice_.settings().character_set);
  const std::string own = postoffice_.settings().name.str() + "/" + mailbag_.mailbox();
  if (mailbag_.mailbox() == layout::postmaster || equals_ignoring_case(summary.from.address, own)) {
    return true;
  }
  Composition composition;
  composition.mailbox = mailbag_.mailbox();
  composition.to = {std::string(layout::postmaster)};
  composition.subject = "Message " + entry.short_id + " of mailbox " + mailbag_.mailbox() +
                        (state.is_set_aside ? " is set aside" : " waits");
  ExtendedField automatic;
  automatic.name = ext::auto_submitted;
  automatic.value = "auto-generated";
  composition.fields.push_back(automatic);
  std::string text = fmt::format(
      "The command of mailbox {} did not do its work for a message.\n\n"
      "  Message   {}\n  From      {}\n  Subject   {}\n  Tries     {}\n  Last end  {}\n\n",
      printable(mailbag_.mailbox()), printable(entry.id),
      printable(correspondent(summary, MailbagPart::received), longest_said),
      printable(summary.subject, longest_said), state.failures + state.delays, state.last);
  text +=
      state.is_set_aside
          ? "It is not tried again before `postoffice run-hooks " + printable(mailbag_.mailbox()) +
                " --retry` says so. The message stays unread in its mailbox.\n"
          : "It is tried again, at least every hour. The message stays unread in its mailbox.\n";
  if (!trim(output).empty()) {
    text += "\nWhat it wrote last:\n\n" + printable_text(repair_utf8(output)) + "\n";
  }
  MemorySource source(text);
  auto draft = MessageDraft::make(postoffice_, composition, source);
  const Outcome dropped = draft ? draft->drop() : draft.error();
  if (dropped.is_delivered()) return true;
  const bool is_there = draft && draft->is_dropped();
  say(entry, (is_there ? "the report may not last: " : "no report: ") + dropped.sentence());
  return is_there;
}

}  // namespace smtpgate::postoffice
