// Files of mailboxes with a change in each line, by columns or tabs; see import_reader.h.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/import_columns.h"
#include "postoffice/import_reader.h"
#include "postoffice/printable.h"

namespace smtpgate::postoffice {

namespace {

using namespace import_columns;

class LineReader : public ImportReader {
 public:
  using ImportReader::ImportReader;

  MailboxImport run(std::string_view text) {
    int number = 0;
    while (!text.empty()) {
      ++number;
      const std::size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.ends_with('\r')) line.remove_suffix(1);
      // Files of DOS may end in its end-of-file mark.
      if (line == "\x1a" && text.empty()) break;
      take_line(number, line);
    }
    if (modified_) fail(modified_->line, "M without the line of what it becomes below it");
    return std::move(result_);
  }

 private:
  struct Entry {
    int line = 0;
    std::string full_name;
    std::string mailbox;
  };

  void take_line(int number, std::string_view line) {
    const char letter = line.empty() ? ' ' : ascii_lower(line.front());
    if (modified_) return take_new_line(number, line);
    if (trim(line).empty() || letter == '#') return;
    switch (letter) {
      case 'a':
        return take_added(number, line);
      case 'd':
        if (auto entry = take_entry(number, line)) {
          MailboxChange change;
          change.kind = MailboxChange::Kind::remove;
          change.mailbox = entry->mailbox;
          add(number, std::move(change));
        }
        return;
      case 'm':
        modified_ = take_entry(number, line);
        // What follows belongs to it, also where it is wrong.
        if (!modified_) modified_ = Entry{number, {}, {}};
        return;
      case 'r':
        return fail(number,
                    "R would remove every mailbox that the file does not name; write D lines");
      case 't':
      case '-':
        return fail(number, "there are no templates here; take the line out");
      case 'g':
      case 'p':
        return fail(number, "groups are made by `postoffice group`; take the line out");
      default:
        return fail(number, "it begins with none of A, D, M, #; write one of them in column 1");
    }
  }

  void take_added(int number, std::string_view line) {
    auto entry = take_entry(number, line);
    if (!entry) return;
    MailboxChange change;
    change.mailbox = entry->mailbox;
    change.settings.full_name = entry->full_name;
    add(number, std::move(change));
  }

  void take_new_line(int number, std::string_view line) {
    const Entry old = *std::exchange(modified_, std::nullopt);
    if (line.empty() || (line.front() != ' ' && line.front() != '\t')) {
      fail(number, "after M the line of what it becomes is wanted, with a blank in column 1");
      return;
    }
    auto entry = take_entry(number, line);
    if (!entry || old.mailbox.empty()) return;
    const bool is_renamed = fold_mailbox_name(entry->mailbox) != fold_mailbox_name(old.mailbox);
    if (is_renamed) {
      MailboxChange change;
      change.kind = MailboxChange::Kind::rename;
      change.mailbox = old.mailbox;
      change.new_name = entry->mailbox;
      add(old.line, std::move(change));
    }
    auto settings = settings_of(old.line, old.mailbox);
    if (!settings || (is_renamed && settings->full_name == entry->full_name)) return;
    MailboxChange change;
    change.kind = MailboxChange::Kind::set;
    change.mailbox = entry->mailbox;
    change.settings = std::move(*settings);
    change.settings.full_name = entry->full_name;
    add(number, std::move(change));
  }

  /// Alias and address of a line, by columns or by tabs.
  std::optional<Entry> take_entry(int number, std::string_view line) {
    std::string_view alias;
    std::string_view address;
    if (const std::size_t tab = line.find('\t'); tab != std::string_view::npos) {
      const std::string_view rest = line.substr(tab + 1);
      const std::size_t second = std::min(rest.find('\t'), rest.size());
      alias = trim(rest.substr(0, second));
      address = trim(rest.substr(std::min(second + 1, rest.size())));
    } else {
      address = trim(from_column(line, address_column));
      const std::string_view from_alias = from_column(line, alias_column);
      alias =
          trim(from_alias.substr(0, from_alias.size() - from_column(line, address_column).size()));
      if (line.size() > 1 && line[1] != ' ') {
        fail(number, "column 2 is no blank; the alias begins in column 3");
        return std::nullopt;
      }
    }
    if (address.empty()) {
      fail(number,
           "there is no address; TYPE:address begins in column 34, or after the second tab");
      return std::nullopt;
    }
    if (characters_in(alias) > longest_alias) {
      fail(number, fmt::format("the alias is longer than {} characters", longest_alias));
      return std::nullopt;
    }
    auto mailbox = take_address(number, address);
    if (!mailbox) return std::nullopt;
    return Entry{number, std::string(alias), std::move(*mailbox)};
  }

  std::optional<std::string> take_address(int number, std::string_view text) {
    const std::string shown = printable(text, longest_shown_in_problem);
    TypedAddress address = TypedAddress::parse(text);
    const bool is_native = address.type == "CSI" || address.type == "PCM" || address.type == "MS";
    if (text.find(':') == std::string_view::npos || !is_native) {
      fail(number,
           shown +
               " is no mailbox; write PCM:NET/PO/MAILBOX. Names for addresses elsewhere are "
               "groups (`postoffice group add`)");
      return std::nullopt;
    }
    auto native = NativeAddress::parse(address.address);
    if (!native) {
      fail(number, shown + " is no address; write PCM:NET/PO/MAILBOX");
      return std::nullopt;
    }
    if (!(native->postoffice == postoffice_.settings().name)) {
      fail(number, shown + " is not of this postoffice, " + postoffice_.settings().name.str());
      return std::nullopt;
    }
    return native->mailbox;
  }

  std::optional<Entry> modified_;  ///< an M line that waits for its second
};

}  // namespace

MailboxImport read_import_lines(const Postoffice& postoffice, std::string_view text) {
  return LineReader(postoffice).run(text);
}

}  // namespace smtpgate::postoffice
