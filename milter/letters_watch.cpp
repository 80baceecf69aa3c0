// The daily summary, when it is due; see the header.
#include "milter/letters_watch.h"

#include <exception>

#include "milter/shadow.h"
#include "postoffice/dead_letters.h"
#include "postoffice/letter_summary.h"
#include "postoffice/postoffice.h"

namespace smtpgate::milter {

using postoffice::Postoffice;

namespace {

constexpr std::int64_t pause_after_trouble = 3600;  // seconds
/// Messages in mailbags that are opened for a summary, the newest of each: a fraction of a second
/// of a warm disk, at each start of the daemon.
constexpr std::uint64_t most_opened = 10'000;

}  // namespace

void LettersWatch::look(const Configuration& configuration) {
  if (configuration.letters.summary.empty()) return;
  for (const converter::ServedPostoffice& served : configuration.converter.postoffices) {
    try {
      look_at(served, configuration);
    } catch (const std::exception& exception) {
      looked_[served.directory].next_try = now_() + pause_after_trouble;
      log_.error(served.name.str() + ": no summary of dead letters: " + exception.what());
    }
  }
}

void LettersWatch::look_at(const converter::ServedPostoffice& served,
                           const Configuration& configuration) {
  const LettersSettings& settings = configuration.letters;
  const std::int64_t now = now_();
  Looked& looked = looked_[served.directory];
  // A clock that was set back must not put it off for long.
  if (looked.next_try > now && looked.next_try - now <= pause_after_trouble) return;
  const auto trouble = [&](const Outcome& outcome) {
    looked.next_try = now + pause_after_trouble;
    log_.warning(served.name.str() + ": no summary of dead letters yet: " + outcome.sentence());
  };
  const auto opened = Postoffice::open(served.directory, files_);
  if (!opened) return trouble(opened.error());
  // A shadow where the real one should be, or the other way round: nothing is filed there.
  if (const auto wrong = why_wrong_kind(configuration, served, files_)) return trouble(*wrong);
  // "2026-11-22T06:00:00+01:00"
  const std::string local = opened->local_time(now).rfc3339;
  const std::string day = local.substr(0, 10);
  if (looked.day == day || local.substr(11, 5) < settings.summary) return;
  postoffice::LetterLook look;
  look.now = now;
  look.waits = settings.waits.count();
  look.most_opened = most_opened;
  const postoffice::LettersFound found = postoffice::find_dead_letters(*opened, look);
  for (const Outcome& one : found.troubles) {
    log_.warning(served.name.str() + ": looking for dead letters: " + one.sentence());
  }
  const Outcome filed = postoffice::file_letter_summary(*opened, found, now);
  if (!filed.is_delivered()) return trouble(filed);
  looked = {day, 0};
  if (found.letters.empty()) return;
  log_.warning(served.name.str() + ": " + filed.sentence() + "; see " +
               postoffice::letters_command(*opened) + " list");
}

}  // namespace smtpgate::milter
