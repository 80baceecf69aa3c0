// One finding of `smtpgate check`: what is so, where, what happens if it is left, what mends it.
// Every kind of finding has a word of its own and stands, with what happens if it is left, in the
// one table finding_definitions(); docs/checks.md lists the same words.
//
// Not for looking at anything: gateway_check.h and postfix_check.h do that; nor for printing:
// check.h.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/shell_word.h"

namespace smtpgate::milter {

enum class FindingKind { ok, warning, error };

struct Finding {
  FindingKind kind = FindingKind::ok;
  std::string text = {};         ///< what is so; a sentence without its full stop
  std::string id = {};           ///< a word of finding_definitions(); empty if all is well
  std::string where = {};        ///< "FILE:LINE", "FILE", a folder or an address; may be empty
  std::string consequence = {};  ///< what happens if it is left
  std::string remedy = {};       ///< the command that mends it, or what to do
};

struct FindingDefinition {
  const char* id;
  FindingKind kind;  ///< error: mail is lost, doubled, refused or waits; warning: less than that
  const char* consequence;
};

const std::vector<FindingDefinition>& finding_definitions();

/// Collects; each finding once, however many services it holds for. One thread.
class Findings {
 public:
  void ok(std::string text);
  /// `id` is a word of the table, which gives kind and consequence.
  void add(std::string_view id, std::string text, std::string where, std::string remedy);
  std::vector<Finding> take() { return std::move(list_); }

 private:
  void add(Finding finding);
  std::vector<Finding> list_;
};

}  // namespace smtpgate::milter
