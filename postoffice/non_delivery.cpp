// The non-delivery report: what it says; see reports.h. Codes as in the original's reports
// (Q127919, Q128627, Q119884, Q131852, Q121733, Q138054, Q264331), its subject ours.
#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "postoffice/ascii.h"
#include "postoffice/byte_stream.h"
#include "postoffice/character_set.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_text.h"
#include "postoffice/printable.h"
#include "postoffice/reports.h"
#include "postoffice/told_recipients.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t longest_value = 500;  // octets shown of a header value or an address
constexpr std::size_t longest_answer = 1000;
constexpr std::size_t longest_subject = 200;
constexpr std::size_t most_addresses = 20;            // shown of the original's TO and CC
constexpr std::size_t most_recipients_told = 10'000;  // in one report
constexpr std::size_t text_shown = 2000;              // octets
constexpr std::size_t lines_shown = 30;
constexpr const char* shown_fields[] = {"From:", "To:", "Cc:", "Date:", "Subject:"};
constexpr std::size_t internet_header_read = std::size_t{16} << 10;

struct StatusCode {
  std::string_view ending;  ///< of the status, after its class
  NonDeliveryCode code;
};

constexpr NonDeliveryCode unknown_address = {"[002]", "The address is not known."};
constexpr NonDeliveryCode too_large = {"[009]", "The message is larger than is taken there."};
constexpr NonDeliveryCode not_in_time = {"[005]", "It could not be delivered in time."};
constexpr NonDeliveryCode not_convertible = {
    "[012]", "The message is damaged or has a form that cannot be sent."};

constexpr StatusCode status_codes[] = {
    {"0.0", {"[001]", "It could not be delivered."}},
    {"1.1", unknown_address},
    {"1.2", {"[002]", "The part of the address behind the @ is not known."}},
    {"1.3", {"[002]", "The address is not written as an address is."}},
    {"1.6", {"[002]", "The mailbox has moved; its new address is not known."}},
    {"1.10", {"[002]", "The domain takes no mail."}},
    {"2.1", {"[002]", "The mailbox takes no mail at present."}},
    {"2.2", {"[017]", "The mailbox is full."}},
    {"2.3", too_large},
    {"3.4", too_large},
    {"4.6", {"[004]", "The message went in a circle."}},
    {"4.7", not_in_time},
};

/// What is shown of the original.
struct Excerpt {
  std::string subject;  ///< not escaped
  std::vector<std::string> header;
  std::vector<std::string> text;
};

std::string labelled(std::string_view label, std::string_view value) {
  return fmt::format("  {:<9} {}", label, value);
}

/// Lines of at most `text_shown` octets of `text` (UTF-8 with LF), escaped.
std::vector<std::string> first_lines(std::string_view text, bool is_whole) {
  std::vector<std::string> lines;
  bool is_cut = !is_whole;
  if (text.size() > text_shown) {
    text = text.substr(0, text.find_last_of(" \n", text_shown));
    text = text.substr(0, text_shown);
    is_cut = true;
  }
  while (!text.empty()) {
    if (lines.size() == lines_shown) {
      is_cut = true;
      break;
    }
    const std::size_t end = text.find('\n');
    lines.push_back("  " + printable_text(text.substr(0, end)));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  if (is_cut && !lines.empty()) lines.emplace_back("  [...]");
  return lines;
}

class MmffExcerpt {
 public:
  MmffExcerpt(File& file, std::uint64_t start, const std::string& fallback)
      : source_(file, start), fallback_(fallback) {
    ReaderOptions options;
    options.longest_line = std::uint64_t{1} << 20;
    options.largest_header = std::uint64_t{16} << 20;
    reader_.emplace(source_, options);
  }

  /// nullopt: it is no message. An error: the disk failed, and another try may show it.
  Expected<std::optional<Excerpt>> make() {
    auto header = reader_->next();
    if (!header && header.error().is_file_error) return failure(header.error().outcome());
    if (!header || !*header) return std::nullopt;
    const MessageHeader& message = **header;
    set_ = character_set_of(message, fallback_);
    Excerpt excerpt;
    excerpt.subject = to_utf8(message.subject, set_);
    excerpt.header.push_back(labelled("From:", address(message.from)));
    add_addresses("To:", message.to, excerpt.header);
    add_addresses("Cc:", message.cc, excerpt.header);
    const std::string when = clean(message.date + " " + message.time);
    if (when.size() > 1) excerpt.header.push_back(labelled("Date:", when));
    excerpt.header.push_back(labelled("Subject:", printable(excerpt.subject, longest_value)));
    for (std::size_t i = 0; i < std::min(message.attachments.size(), most_addresses); ++i) {
      const Attachment& attachment = message.attachments[i];
      excerpt.header.push_back(
          labelled("File:", fmt::format("{}, {} octets", clean(attachment.name), attachment.size)));
    }
    excerpt.text = text(message);
    return excerpt;
  }

 private:
  std::string clean(const std::string& value) const {
    return printable(to_utf8(value, set_), longest_value);
  }
  std::string address(const TypedAddress& one) const {
    if (one.name.empty()) return clean(one.str());
    return clean(one.name) + " <" + clean(one.str()) + ">";
  }
  void add_addresses(std::string_view label, const std::vector<TypedAddress>& list,
                     std::vector<std::string>& lines) const {
    for (std::size_t i = 0; i < std::min(list.size(), most_addresses); ++i) {
      lines.push_back(labelled(label, address(list[i])));
    }
    if (list.size() > most_addresses) {
      lines.push_back(labelled(label, fmt::format("and {} more", list.size() - most_addresses)));
    }
  }
  std::vector<std::string> text(const MessageHeader& message) {
    RenderedHeaderSplitter splitter(message.header_lines, reader_->line_end());
    Utf8Converter to_utf8_pieces(set_);
    LineFeedConverter to_line_feeds(reader_->line_end());
    std::string shown;
    std::string buffer(std::size_t{16} << 10, '\0');
    // Header lines on top, however long they are, come first: so much is read for the text.
    constexpr std::uint64_t most_read = std::uint64_t{1} << 20;
    std::uint64_t taken = 0;
    bool is_whole = false;
    while (shown.size() <= text_shown && taken < most_read) {
      auto count = reader_->read(buffer);
      if (!count) break;
      if (*count == 0) {
        shown += to_line_feeds.convert(to_utf8_pieces.finish());
        shown += to_line_feeds.finish();
        is_whole = true;
        break;
      }
      taken += *count;
      const auto pieces = splitter.split(std::string_view(buffer.data(), *count));
      shown += to_line_feeds.convert(to_utf8_pieces.convert(pieces.text));
    }
    return first_lines(shown, is_whole);
  }

  OffsetSource source_;
  std::string fallback_;
  std::string set_;
  std::optional<Reader> reader_;
};

/// Internet mail is shown as it stands, its header's first fields first: decoding it is not this
/// room's business.
Expected<std::optional<Excerpt>> internet_excerpt(File& file, std::uint64_t offset) {
  std::string start(internet_header_read, '\0');
  auto count = file.read_at(offset, start);
  if (!count) return failure(count.error().outcome());
  start.resize(*count);
  std::erase(start, '\r');
  const std::string text = repair_utf8(start);
  const std::size_t end = std::min(text.find("\n\n"), text.size());
  Excerpt excerpt;
  std::string_view header = std::string_view(text).substr(0, end);
  bool is_shown = false;
  while (!header.empty() && excerpt.header.size() < most_addresses) {
    const std::string_view line = header.substr(0, header.find('\n'));
    header.remove_prefix(std::min(header.size(), line.size() + 1));
    if (line.empty() || !is_blank(line.front())) {
      is_shown =
          std::any_of(std::begin(shown_fields), std::end(shown_fields),
                      [&](const char* name) { return starts_with_ignoring_case(line, name); });
    }
    if (!is_shown) continue;
    if (starts_with_ignoring_case(line, "Subject:")) {
      excerpt.subject = trim(line.substr(8));
    }
    excerpt.header.push_back("  " + printable(line, longest_value));
  }
  if (end + 2 <= text.size()) {
    excerpt.text =
        first_lines(std::string_view(text).substr(end + 2), text.size() < internet_header_read);
  }
  return excerpt;
}

Expected<std::optional<Excerpt>> excerpt_of(const Postoffice& postoffice,
                                            const NonDelivery& failed) {
  if (failed.original == nullptr) return std::nullopt;
  if (failed.original_kind == OutgoingContent::internet) {
    return internet_excerpt(*failed.original, failed.original_part.start);
  }
  return MmffExcerpt(*failed.original, failed.original_part.start,
                     postoffice.settings().character_set)
      .make();
}

std::string shown_address(const TypedAddress& address) {
  const std::string plain =
      printable(address.type == "SMTP" ? address.address : address.str(), longest_value);
  if (address.name.empty()) return plain;
  return printable(address.name, longest_value) + " <" + plain + ">";
}

void add_recipients(const NonDelivery& failed, std::vector<std::string>& lines) {
  std::size_t told = 0;
  for (const OutgoingRecipient& recipient : failed.recipients) {
    if (told++ == most_recipients_told) {
      lines.push_back(
          fmt::format("  and {} more", failed.recipients.size() - most_recipients_told));
      lines.emplace_back();
      break;
    }
    const NonDeliveryCode code = non_delivery_code(recipient.status);
    lines.push_back("  " + shown_address(recipient.address));
    lines.push_back(fmt::format("    {} {}", code.code, code.words));
    if (!recipient.reason.empty()) {
      lines.push_back("    " + printable(recipient.reason, longest_answer));
    }
    lines.emplace_back();
  }
}

/// "It is attached", or why it is not.
Expected<std::string> whereabouts(const NonDelivery& failed) {
  if (failed.original == nullptr) return "The message itself could not be read.";
  auto size = original_size(*failed.original, failed.original_part);
  if (!size) return failure(size.error().outcome());
  if (*size <= largest_attached_original) return "The whole message is attached.";
  return fmt::format("The message has {} octets and is too large to be attached here.", *size);
}

}  // namespace

NonDeliveryCode non_delivery_code(std::string_view status) {
  const std::size_t dot = status.find('.');
  if (dot == std::string_view::npos) return {"[001]", "It could not be delivered."};
  const std::string_view ending = status.substr(dot + 1);
  for (const StatusCode& known : status_codes) {
    if (ending == known.ending) return known.code;
  }
  if (status.starts_with("4.")) return not_in_time;
  if (ending.starts_with("6.")) return not_convertible;
  return {"[001]", "It was refused."};
}

namespace {

/// One report. `identity` is that of its recipients.
Expected<Report> report_of(const Postoffice& postoffice, const NonDelivery& failed,
                           const std::string& identity) {
  auto made = excerpt_of(postoffice, failed);
  if (!made) return failure(made.error());
  const std::optional<Excerpt>& excerpt = *made;
  Report report;
  report.id = "non-delivery\n" + failed.message_id + "\n" + identity;
  report.original = failed.original;
  report.original_part = failed.original_part;
  report.original_kind = failed.original_kind;
  const bool has_subject = excerpt && !excerpt->subject.empty();
  report.subject = "Undeliverable: " + (has_subject ? printable(excerpt->subject, longest_subject)
                                                    : std::string("your message"));
  report.lines = {failed.recipients.size() == 1
                      ? "Your message was not delivered to this recipient:"
                      : "Your message was not delivered to these recipients:",
                  ""};
  add_recipients(failed, report.lines);
  if (!failed.remark.empty()) {
    report.lines.push_back(printable(failed.remark, longest_answer));
    report.lines.emplace_back();
  }
  if (excerpt) {
    report.lines.emplace_back("The message:");
    report.lines.emplace_back();
    report.lines.insert(report.lines.end(), excerpt->header.begin(), excerpt->header.end());
    if (!excerpt->text.empty()) {
      report.lines.emplace_back();
      report.lines.insert(report.lines.end(), excerpt->text.begin(), excerpt->text.end());
    }
    report.lines.emplace_back();
  }
  auto where = whereabouts(failed);
  if (!where) return failure(where.error());
  report.lines.push_back(*where + " Its number here is " +
                         printable(failed.message_id, longest_value) + ".");
  return report;
}

/// The same for the same recipients, in any order.
std::string identity_of(const std::vector<OutgoingRecipient>& recipients) {
  std::vector<std::string> addresses;
  for (const OutgoingRecipient& recipient : recipients) {
    addresses.push_back(recipient.address.str());
  }
  std::sort(addresses.begin(), addresses.end());
  std::string identity;
  for (const std::string& address : addresses) identity += address + "\n";
  return identity;
}

}  // namespace

Outcome file_non_delivery(const Postoffice& postoffice, std::string_view mailbox,
                          const NonDelivery& failed) {
  auto told = ToldRecipients::read(postoffice, mailbox, failed.message_id);
  if (!told) return told.error();
  auto groups = told->divide(failed.recipients);
  if (!groups) return groups.error();
  Outcome filed = Outcome::delivered("nobody to report");
  for (ToldRecipients::Group& group : *groups) {
    NonDelivery part = failed;
    part.recipients = std::move(group.recipients);
    const auto report = report_of(postoffice, part, group.identity);
    if (!report) return report.error();
    filed = file_report(postoffice, mailbox, *report);
    if (!filed.is_delivered()) return filed;
  }
  return filed;
}

Outcome send_non_delivery(const Postoffice& postoffice, const NativeAddress& sender,
                          const NonDelivery& failed) {
  const auto report = report_of(postoffice, failed, identity_of(failed.recipients));
  if (!report) return report.error();
  return send_report(postoffice, sender, *report);
}

}  // namespace smtpgate::postoffice
