// What `postoffice letters list` and `letters explain` print: a table and sentences for people,
// JSON for programs.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "postoffice/dead_letters.h"
#include "postoffice/postoffice.h"
#include "postoffice/table.h"

namespace smtpgate::postoffice {

/// `letters` of `found` that were asked for; `now` in seconds since 1970.
void print_letters(const Postoffice& postoffice, const std::vector<DeadLetter>& letters,
                   const LettersFound& found, std::int64_t now, const Terminal& terminal,
                   std::ostream& out);
void print_letters_json(const Postoffice& postoffice, const std::vector<DeadLetter>& letters,
                        const LettersFound& found, std::int64_t now, std::ostream& out);

/// What happened to one and what mends it, as text of several lines, printable.
std::string explanation(const Postoffice& postoffice, const DeadLetter& letter, std::int64_t now);
/// The object that the list has for it. ASCII.
std::string letter_json(const Postoffice& postoffice, const DeadLetter& letter, std::int64_t now);

}  // namespace smtpgate::postoffice
