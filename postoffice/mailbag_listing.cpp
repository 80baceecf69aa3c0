// Listings; see the header.
#include "postoffice/mailbag_listing.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "postoffice/folded_text.h"
#include "postoffice/message_summary.h"
#include "postoffice/printable.h"

namespace smtpgate::postoffice {

namespace {

struct Line {
  MailbagEntry entry;
  MessageSummary summary;
  std::string key;  ///< what it is sorted by, where that is a text
};

void sort_lines(std::vector<Line>& lines, ListingOrder order, MailbagPart part) {
  if (order == ListingOrder::date) return;  // as they come
  if (order == ListingOrder::size) {
    std::stable_sort(lines.begin(), lines.end(),
                     [](const Line& a, const Line& b) { return a.entry.size > b.entry.size; });
    return;
  }
  for (Line& line : lines) {
    line.key = fold_text(order == ListingOrder::subject ? line.summary.subject
                                                        : correspondent(line.summary, part));
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Line& a, const Line& b) { return a.key < b.key; });
}

void print_nothing(const Mailbag& mailbag, bool only_unread, std::ostream& out) {
  out << "no " << (only_unread ? "unread " : "") << "messages in "
      << (mailbag.part() == MailbagPart::sent ? "sent/ of " : "") << "mailbox "
      << printable(mailbag.mailbox()) << '\n';
}

}  // namespace

Outcome list_mailbag(const Postoffice& postoffice, const Mailbag& mailbag,
                     const ListingOptions& options, std::ostream& out) {
  constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
  auto entries = mailbag.list(options.only_unread ? all : options.newest);
  if (!entries) return entries.error();
  if (options.only_unread) {
    std::erase_if(*entries, [](const MailbagEntry& entry) { return entry.is_read; });
    if (entries->size() > options.newest) entries->resize(options.newest);
  }
  std::vector<Line> lines;
  lines.reserve(entries->size());
  for (MailbagEntry& entry : *entries) {
    MessageSummary summary = summarize(mailbag, entry, postoffice.settings().character_set);
    lines.push_back({std::move(entry), std::move(summary), {}});
  }
  sort_lines(lines, options.order, mailbag.part());
  if (options.is_reversed) std::reverse(lines.begin(), lines.end());
  if (options.as_json) {
    out << "{\"mailbox\": "
        << nlohmann::json(mailbag.mailbox())
               .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
        << ", \"messages\": [";
    const char* between = "\n";
    for (const Line& line : lines) {
      out << std::exchange(between, ",\n")
          << summary_json(postoffice, line.entry, line.summary, mailbag.part());
    }
    out << "]}\n";
  } else if (lines.empty()) {
    print_nothing(mailbag, options.only_unread, out);
  } else {
    MessageTable table(mailbag.part(), options.zone);
    for (const Line& line : lines) table.add(line.entry, line.summary);
    table.print(out, options.terminal);
  }
  return Outcome::delivered(fmt::format("{} messages", lines.size()));
}

}  // namespace smtpgate::postoffice
