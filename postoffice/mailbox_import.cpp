// Reading files of mailboxes; see the header. Formats: docs/import.md.
#include "postoffice/mailbox_import.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/csv.h"
#include "postoffice/import_columns.h"
#include "postoffice/mailbox_settings.h"
#include "postoffice/printable.h"

namespace smtpgate::postoffice {

namespace {

using namespace import_columns;

constexpr std::size_t longest_shown = 60;

const char* const columns[] = {"action",
                               "name",
                               "full_name",
                               "group",
                               "aliases",
                               "forward",
                               "keep_copy",
                               "keep_sent",
                               "keep_original",
                               "receipts",
                               "receive_from_internet",
                               "send_to_internet",
                               "quota_bytes",
                               "quota_messages",
                               "expire_read_days",
                               "expire_unread_days",
                               "expire_sent_days",
                               "delivery"};

/// What both formats share: the changes so far, and which line made which mailbox.
class ImportReader {
 public:
  explicit ImportReader(const Postoffice& postoffice) : postoffice_(postoffice) {}

 protected:
  void fail(int line, std::string text) { result_.problems.push_back({line, std::move(text)}); }
  void add(int line, MailboxChange change) {
    result_.changes.push_back(std::move(change));
    result_.lines.push_back(line);
  }
  bool exists(const std::string& folded) {
    if (why_bad_mailbox_name(folded)) return false;
    const auto status = postoffice_.files().status(postoffice_.mailbag_directory(folded));
    if (!status && status.error().code != ENOENT) result_.trouble = status.error().outcome();
    return status.has_value();
  }
  std::optional<MailboxSettings> settings_of(int line, const std::string& name) {
    auto settings = read_mailbox_settings(postoffice_, name);
    if (settings) return std::move(*settings);
    if (settings.error().is_temporary()) result_.trouble = settings.error();
    fail(line, settings.error().sentence());
    return std::nullopt;
  }

  const Postoffice& postoffice_;
  MailboxImport result_;
};

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
    const std::string shown = printable(text, longest_shown);
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

/// "a; b" to {"a", "b"}.
std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(';'), text.size());
    if (const std::string_view word = trim(text.substr(0, end)); !word.empty()) {
      words.emplace_back(word);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

class CsvReader : public ImportReader {
 public:
  using ImportReader::ImportReader;

  MailboxImport run(std::string_view text) {
    auto records = parse_csv(text);
    if (!records) {
      fail(records.error().line, records.error().text);
    } else if (records->empty()) {
      fail(1, "the file is empty; its first line names the columns");
    } else if (take_header(records->front())) {
      for (auto record = records->begin() + 1; record != records->end(); ++record) {
        take_record(*record);
      }
    }
    return std::move(result_);
  }

 private:
  bool take_header(const CsvRecord& record) {
    for (const std::string& field : record.fields) {
      const std::string name = ascii_lower(trim(field));
      const bool is_known =
          std::find(std::begin(columns), std::end(columns), name) != std::end(columns);
      if (!is_known) {
        fail(record.line, fmt::format("unknown column \"{}\"; known are {}",
                                      printable(name, longest_shown), fmt::join(columns, ", ")));
      } else if (!column_of_.emplace(name, column_of_.size()).second) {
        fail(record.line, "the column " + name + " stands there twice");
      }
    }
    if (!column_of_.contains("name")) fail(record.line, "there is no column \"name\"");
    return result_.problems.empty();
  }

  void take_record(const CsvRecord& record) {
    if (record.fields.size() != column_of_.size()) {
      return fail(record.line, fmt::format("{} fields where the first line has {}",
                                           record.fields.size(), column_of_.size()));
    }
    const std::size_t problems = result_.problems.size();
    record_ = &record;
    MailboxChange change;
    change.mailbox = field("name").value_or("");
    const std::string folded = fold_mailbox_name(change.mailbox);
    if (const auto [first, is_new] = line_of_.emplace(folded, record.line); !is_new) {
      return fail(record.line, fmt::format("mailbox {} stands on line {} already",
                                           printable(folded, longest_shown), first->second));
    }
    const std::string action = ascii_lower(field("action").value_or(""));
    if (action == "remove") {
      change.kind = MailboxChange::Kind::remove;
      return add(record.line, std::move(change));
    }
    const bool is_there = exists(folded);
    if (action == "set" || (action.empty() && is_there)) {
      change.kind = MailboxChange::Kind::set;
      auto settings = settings_of(record.line, folded);
      if (!settings) return;
      change.settings = std::move(*settings);
    } else if (action != "add" && !action.empty()) {
      return fail(record.line, "the action is none of add, set, remove, or nothing");
    }
    take_settings(change);
    if (result_.problems.size() == problems) add(record.line, std::move(change));
  }

  void take_settings(MailboxChange& change) {
    MailboxSettings& settings = change.settings;
    if (auto text = field("full_name")) settings.full_name = *text;
    if (auto text = field("group")) {
      change.group = *text;
      if (!text->empty() && change.kind == MailboxChange::Kind::set) {
        wrong("group", "only a new mailbox gets a group");
      }
    }
    if (auto text = field("aliases")) change.new_aliases = list_of(*text);
    if (auto text = field("forward")) {
      settings.forward.clear();
      for (const std::string& word : list_of(*text)) {
        auto target = parse_forward(postoffice_, word);
        if (target) {
          settings.forward.push_back(std::move(*target));
        } else {
          wrong("forward", target.error().sentence());
        }
      }
    }
    take_switch("keep_copy", settings.keep_copy);
    take_switch("keep_sent", settings.keep_sent);
    take_switch("keep_original", settings.keep_original);
    take_switch("receive_from_internet", settings.receive_from_internet);
    take_switch("send_to_internet", settings.send_to_internet);
    take_number("quota_bytes", settings.quota.octets, true);
    take_number("quota_messages", settings.quota.messages);
    take_number("expire_read_days", settings.expiry.read_days);
    take_number("expire_unread_days", settings.expiry.unread_days);
    take_number("expire_sent_days", settings.expiry.sent_days);
    if (auto text = field("receipts"); text && !text->empty()) settings.receipts = *text;
    if (auto text = field("delivery"); text && !text->empty()) settings.delivery = *text;
  }

  /// nullopt: the file has no such column.
  std::optional<std::string> field(const std::string& name) const {
    const auto column = column_of_.find(name);
    if (column == column_of_.end()) return std::nullopt;
    return std::string(trim(record_->fields[column->second]));
  }

  void wrong(std::string_view column, std::string_view what) {
    fail(record_->line, fmt::format("{}: {}", column, what));
  }

  void take_switch(const std::string& name, bool& value) {
    const auto text = field(name);
    if (!text || text->empty()) return;
    const std::string word = ascii_lower(*text);
    if (word == "true" || word == "yes" || word == "1") {
      value = true;
    } else if (word == "false" || word == "no" || word == "0") {
      value = false;
    } else {
      wrong(name, "\"" + printable(*text, longest_shown) + "\" is neither true nor false");
    }
  }

  /// `may_have_unit`: K, M, G or T at the end, as --quota-bytes has them.
  void take_number(const std::string& name, std::uint64_t& value, bool may_have_unit = false) {
    const auto text = field(name);
    if (!text || text->empty()) return;
    constexpr std::string_view units = "kmgt";
    std::string digits = ascii_lower(*text);
    const std::size_t unit = may_have_unit ? units.find(digits.back()) : std::string_view::npos;
    const unsigned shift =
        unit == std::string_view::npos ? 0 : 10 * (static_cast<unsigned>(unit) + 1);
    if (shift > 0) digits.pop_back();
    std::uint64_t number = 0;
    const char* const end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end ||
        number > (std::numeric_limits<std::uint64_t>::max() >> shift)) {
      return wrong(name, "\"" + printable(*text, longest_shown) + "\" is no " +
                             (may_have_unit ? "size; write octets, or such as 500M" : "number"));
    }
    value = number << shift;
  }

  std::map<std::string, std::size_t> column_of_;
  std::map<std::string, int> line_of_;  ///< of each mailbox
  const CsvRecord* record_ = nullptr;
};

}  // namespace

MailboxImport read_import(const Postoffice& postoffice, std::string_view text, ImportFormat format,
                          const std::string& character_set) {
  MailboxImport wrong;
  if (text.size() > largest_import) {
    wrong.problems.push_back({1, "the file is longer than 64 MiB; divide it"});
    return wrong;
  }
  std::string decoded;
  if (!character_set.empty() && !equals_ignoring_case(character_set, "UTF-8")) {
    decoded = to_utf8(text, character_set);
    text = decoded;
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!is_utf8(text)) {
    int line = 1;
    for (std::string_view rest = text; !rest.empty(); ++line) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      if (!is_utf8(rest.substr(0, end))) break;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    wrong.problems.push_back({line, "it is not UTF-8; say --character-set, such as CP850"});
    return wrong;
  }
  return format == ImportFormat::csv ? CsvReader(postoffice).run(text)
                                     : LineReader(postoffice).run(text);
}

std::string describe(const MailboxChange& change) {
  const std::string name = fold_mailbox_name(change.mailbox);
  const std::string whose =
      change.settings.full_name.empty() ? "" : " (" + change.settings.full_name + ")";
  const std::string aliases =
      change.new_aliases.empty() ? ""
                                 : fmt::format(", aliases {}", fmt::join(change.new_aliases, ", "));
  switch (change.kind) {
    case MailboxChange::Kind::add:
      return "add mailbox " + name + whose + aliases;
    case MailboxChange::Kind::set:
      return "change mailbox " + name + whose + aliases;
    case MailboxChange::Kind::rename:
      return "rename mailbox " + name + " to " + fold_mailbox_name(change.new_name);
    case MailboxChange::Kind::remove:
      return "remove mailbox " + name;
  }
  return {};
}

}  // namespace smtpgate::postoffice
