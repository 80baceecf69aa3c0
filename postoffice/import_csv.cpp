// Files of mailboxes as CSV, with the names of the columns in the first line; see import_reader.h.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "postoffice/ascii.h"
#include "postoffice/csv.h"
#include "postoffice/import_reader.h"
#include "postoffice/printable.h"

namespace smtpgate::postoffice {

namespace {

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
        fail(record.line,
             fmt::format("unknown column \"{}\"; known are {}",
                         printable(name, longest_shown_in_problem), fmt::join(columns, ", ")));
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
      return fail(record.line,
                  fmt::format("mailbox {} stands on line {} already",
                              printable(folded, longest_shown_in_problem), first->second));
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
      wrong(name,
            "\"" + printable(*text, longest_shown_in_problem) + "\" is neither true nor false");
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
      return wrong(name, "\"" + printable(*text, longest_shown_in_problem) + "\" is no " +
                             (may_have_unit ? "size; write octets, or such as 500M" : "number"));
    }
    value = number << shift;
  }

  std::map<std::string, std::size_t> column_of_;
  std::map<std::string, int> line_of_;  ///< of each mailbox
  const CsvRecord* record_ = nullptr;
};

}  // namespace

MailboxImport read_import_csv(const Postoffice& postoffice, std::string_view text) {
  return CsvReader(postoffice).run(text);
}

}  // namespace smtpgate::postoffice
