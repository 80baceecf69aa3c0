// What the readers of both formats of mailbox files share, and where each begins: import_lines.cpp
// for lines by columns, import_csv.cpp for CSV (docs/import.md). Within this room only; others call
// read_import() (mailbox_import.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "postoffice/mailbox_import.h"
#include "postoffice/mailbox_settings.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// `text` is UTF-8 without a byte order mark, for both.
MailboxImport read_import_lines(const Postoffice& postoffice, std::string_view text);
MailboxImport read_import_csv(const Postoffice& postoffice, std::string_view text);

inline constexpr std::size_t longest_shown_in_problem = 60;  // octets of what a file says

/// The changes so far.
class ImportReader {
 public:
  explicit ImportReader(const Postoffice& postoffice) : postoffice_(postoffice) {}

 protected:
  void fail(int line, std::string text) { result_.problems.push_back({line, std::move(text)}); }
  void add(int line, MailboxChange change) {
    result_.changes.push_back(std::move(change));
    result_.lines.push_back(line);
  }
  bool exists(const std::string& folded);
  /// Nothing: it was told why.
  std::optional<MailboxSettings> settings_of(int line, const std::string& name);

  const Postoffice& postoffice_;
  MailboxImport result_;
};

}  // namespace smtpgate::postoffice
