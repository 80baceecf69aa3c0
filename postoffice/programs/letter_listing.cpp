// Listings of dead letters; see the header.
#include "postoffice/programs/letter_listing.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "postoffice/printable.h"
#include "postoffice/unique_id.h"

namespace smtpgate::postoffice {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t longest_cell = 300;    // octets; a terminal cuts earlier
constexpr std::size_t longest_line = 2'000;  // octets of a sentence that may hold a stranger's

std::string_view way_of(const DeadLetter& letter) {
  return definition_of(letter.reason).is_inbound ? "in" : "out";
}

std::int64_t age_of(const DeadLetter& letter, std::int64_t now) {
  return std::max<std::int64_t>(now - letter.since, 0);
}

std::string recipients_of(const DeadLetter& letter) {
  return letter.to +
         (letter.recipients > 1 ? fmt::format(" +{}", letter.recipients - 1) : std::string());
}

/// By the octets of each: the shortest beginnings that tell all that there are apart.
std::vector<std::string> short_ids(const std::vector<DeadLetter>& letters,
                                   const LettersFound& found) {
  std::vector<std::string_view> ids;
  for (const DeadLetter& one : found.letters) ids.push_back(one.id);
  std::sort(ids.begin(), ids.end());
  const std::vector<std::size_t> sizes = unique_beginnings(ids);
  std::vector<std::string> result;
  for (const DeadLetter& one : letters) {
    const auto at = std::lower_bound(ids.begin(), ids.end(), std::string_view(one.id));
    result.push_back(one.id.substr(0, sizes[static_cast<std::size_t>(at - ids.begin())]));
  }
  return result;
}

Json to_json(const Postoffice& postoffice, const DeadLetter& letter, std::int64_t now) {
  return {{"id", letter.id},
          {"reason", definition_of(letter.reason).word},
          {"way", way_of(letter)},
          {"mailbox", letter.mailbox},
          {"from", letter.from},
          {"to", letter.to},
          {"recipients", letter.recipients},
          {"subject", letter.subject},
          {"size", letter.size},
          {"since", postoffice.local_time(letter.since).rfc3339},
          {"age_seconds", age_of(letter, now)},
          {"what", definition_of(letter.reason).what},
          {"detail", letter.detail},
          {"path", letter.path},
          {"host", letter.host},
          {"remedies", letter_remedies(postoffice, letter)}};
}

std::string dump(const Json& json, int indentation) {
  return json.dump(indentation, ' ', true, Json::error_handler_t::replace);
}

}  // namespace

void print_letters(const Postoffice& postoffice, const std::vector<DeadLetter>& letters,
                   const LettersFound& found, std::int64_t now, const Terminal& terminal,
                   std::ostream& out) {
  if (found.unopened > 0) {
    out << found.unopened << " messages in mailboxes were not opened to see whether they can be "
        << "read\n";
  }
  if (letters.empty()) {
    out << (found.letters.empty() ? "no dead letters\n" : "no dead letters of that kind\n");
    return;
  }
  Table table({{"ID", false},
               {"Age", true},
               {"Way", false},
               {"Reason", false},
               {"From", false, 8},
               {"To", false, 8},
               {"Size", true},
               {"Why", false, 16}});
  const std::vector<std::string> ids = short_ids(letters, found);
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const DeadLetter& one = letters[i];
    table.add({ids[i], short_duration(age_of(one, now)), std::string(way_of(one)),
               std::string(definition_of(one.reason).word), printable(one.from, longest_cell),
               printable(recipients_of(one), longest_cell), short_size(one.size),
               printable(one.detail, longest_cell)});
  }
  table.print(out, terminal.width, terminal.with_colours);
  out << fmt::format("{} dead letter{}; what to do about one: {} explain ID\n", letters.size(),
                     letters.size() == 1 ? "" : "s", letters_command(postoffice));
}

void print_letters_json(const Postoffice& postoffice, const std::vector<DeadLetter>& letters,
                        const LettersFound& found, std::int64_t now, std::ostream& out) {
  Json list = {
      {"letters", Json::array()}, {"troubles", Json::array()}, {"unopened", found.unopened}};
  for (const DeadLetter& one : letters) list["letters"].push_back(to_json(postoffice, one, now));
  for (const Outcome& one : found.troubles) list["troubles"].push_back(one.sentence());
  out << dump(list, 2) << '\n';
}

std::string letter_json(const Postoffice& postoffice, const DeadLetter& letter, std::int64_t now) {
  return dump(to_json(postoffice, letter, now), 2) + "\n";
}

std::string explanation(const Postoffice& postoffice, const DeadLetter& letter, std::int64_t now) {
  std::string text;
  const auto line = [&text](std::string_view label, std::string_view value) {
    if (value.empty()) return;
    text += fmt::format("{:<9} {}\n", label, printable(value, longest_line));
  };
  const LetterDefinition& definition = definition_of(letter.reason);
  line("Letter", letter.id);
  line("Reason",
       fmt::format("{} ({})", definition.word, definition.is_inbound ? "coming in" : "going out"));
  line("Happened", definition.what);
  line("Why", letter.detail);
  line("From", letter.from);
  line("To", recipients_of(letter));
  line("Subject", letter.subject);
  line("Size", fmt::format("{} octets", letter.size));
  line("Since", fmt::format("{}, {} ago", postoffice.local_time(letter.since).rfc3339,
                            short_duration(age_of(letter, now))));
  line("Mailbox", letter.mailbox);
  line("Host", letter.host);
  line("Lies in", letter.path);
  text += "\nWhat to do\n";
  for (const std::string& one : letter_remedies(postoffice, letter)) {
    text += "  " + one + "\n";
  }
  return text;
}

}  // namespace smtpgate::postoffice
