// The text of the daily summary; see the header. Filed like every report of the postmaster's.
#include "postoffice/letter_summary.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "postoffice/folder.h"
#include "postoffice/printable.h"
#include "postoffice/reports.h"
#include "postoffice/table.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t most_shown = 100;
constexpr std::size_t longest_cell = 60;     // octets of an address or a name
constexpr std::size_t longest_detail = 300;  // octets
constexpr std::size_t short_id = 12;

std::string plural(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// "2026-11-22".
std::string day_of(const Postoffice& postoffice, std::int64_t now) {
  constexpr std::size_t day_size = 10;
  return postoffice.local_time(now).rfc3339.substr(0, day_size);
}

void add_counts(const LettersFound& found, std::vector<std::string>& lines) {
  for (const LetterDefinition& one : letter_definitions()) {
    const auto count =
        std::count_if(found.letters.begin(), found.letters.end(),
                      [&one](const DeadLetter& letter) { return letter.reason == one.reason; });
    if (count == 0) continue;
    lines.push_back(fmt::format("{:>7}  {} {:<16} {}", count, one.is_inbound ? "in " : "out",
                                one.word, one.what));
  }
}

void add_table(const LettersFound& found, std::int64_t now, std::vector<std::string>& lines) {
  Table table({{"ID", false},
               {"Age", true},
               {"Reason", false},
               {"From", false},
               {"To", false},
               {"Size", true},
               {"Why", false}});
  const std::size_t shown = std::min(found.letters.size(), most_shown);
  for (std::size_t i = 0; i < shown; ++i) {
    const DeadLetter& one = found.letters[i];
    table.add({one.id.substr(0, short_id),
               short_duration(std::max<std::int64_t>(now - one.since, 0)),
               std::string(definition_of(one.reason).word), printable(one.from, longest_cell),
               printable(one.to, longest_cell), short_size(one.size),
               printable(one.detail, longest_detail)});
  }
  std::ostringstream text;
  table.print(text, 0, false);
  std::istringstream read(text.str());
  for (std::string line; std::getline(read, line);) lines.push_back(line);
  if (found.letters.size() > shown) {
    lines.push_back(fmt::format("and {} more", found.letters.size() - shown));
  }
}

}  // namespace

Outcome file_letter_summary(const Postoffice& postoffice, const LettersFound& found,
                            std::int64_t now) {
  if (found.letters.empty()) return Outcome::delivered("nothing to tell of");
  const std::string day = day_of(postoffice, now);
  const std::string command = letters_command(postoffice);
  Report report;
  report.id = "dead letters " + day;
  report.subject = fmt::format("{} in {}: {}", plural(found.letters.size(), "dead letter"),
                               postoffice.settings().name.str(), day);
  report.lines = {
      "Mail that could not be handled lies in this postoffice. Nothing happens to it by itself, "
      "and",
      "nothing deletes it. This is told once a day, as long as there is any.", ""};
  add_counts(found, report.lines);
  report.lines.push_back("");
  add_table(found, now, report.lines);
  report.lines.insert(report.lines.end(), {"", "All of them:         " + command + " list",
                                           "What to do about one: " + command + " explain ID",
                                           "After it is mended:   " + command + " redrive ID"});
  for (const Outcome& one : found.troubles) {
    report.lines.push_back("Could not be looked at: " + printable(one.sentence(), longest_detail));
  }
  if (found.unopened > 0) {
    report.lines.push_back(fmt::format(
        "{} in mailboxes were not opened to see whether they can be read; the list opens all.",
        plural(found.unopened, "message")));
  }
  const Outcome filed = file_report(postoffice, layout::postmaster, report);
  if (!filed.is_delivered()) return filed;
  return Outcome::delivered(plural(found.letters.size(), "dead letter") + ": summary " +
                            filed.sentence());
}

}  // namespace smtpgate::postoffice
