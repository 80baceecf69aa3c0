// An MMFF file for people; see mmff_show.h. JSON for programs: mmff_show_json.cpp.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <optional>
#include <ostream>
#include <vector>

#include <fmt/format.h>

#include "postoffice/byte_stream.h"
#include "postoffice/mmff_show.h"
#include "postoffice/mmff_text.h"
#include "postoffice/printable.h"

namespace smtpgate::postoffice {

namespace {

constexpr std::size_t longest_value = 1000;  // octets shown of a header value
constexpr std::size_t longest_cell = 60;     // octets shown in a cell of the table

/// Near enough for a table: characters, as fmt counts them but for wide ones.
std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

constexpr std::size_t most_recipients = 12;  // lines for a reader

/// Of "2026-11-21T10:00:00+01:00", as SENT has it; nullopt for anything else.
std::optional<std::int64_t> seconds_of(const std::string& date) {
  CivilTime time{};
  int hours = 0;
  int minutes = 0;
  char sign = '+';
  int taken = 0;
  if (std::sscanf(date.c_str(), "%4" SCNd64 "-%2d-%2dT%2d:%2d:%2d%c%2d:%2d%n", &time.year,
                  &time.month, &time.day, &time.hour, &time.minute, &time.second, &sign, &hours,
                  &minutes, &taken) != 9 ||
      static_cast<std::size_t>(taken) != date.size() || (sign != '+' && sign != '-') ||
      time.month < 1 || time.month > 12 || time.day < 1 || time.day > 31) {
    return std::nullopt;
  }
  const std::int64_t offset = (hours * 60 + minutes) * (sign == '-' ? -60 : 60);
  return days_from_civil(time.year, time.month, time.day) * 86'400 + time.hour * 3600 +
         time.minute * 60 + time.second - offset;
}

class TextShow {
 public:
  TextShow(std::ostream& out, const MessageHeader& header, std::string set,
           const ShowOptions& options)
      : out_(out), header_(header), set_(std::move(set)), options_(options) {}

  void show_header(std::uint64_t ordinal) {
    if (ordinal > 1) out_ << '\n';
    if (!options_.view || ordinal > 1) out_ << "Message " << ordinal << '\n';
    line("From", address(header_.from));
    show_recipients("To", header_.to);
    show_recipients("Cc", header_.cc);
    show_dates();
    line("Subject", clean(header_.subject), true);
    if (!header_.priority.empty()) line("Priority", clean(header_.priority));
    if (options_.further_lines) {
      for (const auto& [label, value] : options_.further_lines(header_, set_)) {
        line(label, printable(value, longest_value));
      }
    }
    if (!options_.view || options_.with_fields) {
      line("Text", fmt::format("{} octets, {}{}", header_.text_size, printable(set_), not_shown()));
    }
    if (options_.with_fields) show_fields();
    show_attachments();
    out_ << '\n';
  }

 private:
  std::string clean(const std::string& value, std::size_t limit = longest_value) const {
    return printable(to_utf8(value, set_), limit);
  }

  std::string address(const TypedAddress& address) const {
    // To a reader the usual kinds speak for themselves.
    const bool is_usual = address.type == "SMTP" || address.type == "CSI";
    const std::string text =
        clean(options_.view && !options_.with_fields && is_usual ? address.address : address.str());
    return address.name.empty() ? text : clean(address.name) + " <" + text + ">";
  }

  std::string not_shown() const {
    if (header_.header_lines == 0 || options_.with_header_lines) return {};
    return fmt::format(", {} header line{} on top not shown", header_.header_lines,
                       header_.header_lines == 1 ? "" : "s");
  }

  void line(std::string_view label, std::string_view value, bool is_strong = false) {
    const bool is_bold = is_strong && options_.view && options_.view->with_colours;
    out_ << fmt::format("  {:<10} {}{}{}\n", fmt::format("{}:", label), is_bold ? "\033[1m" : "",
                        value, is_bold ? "\033[0m" : "");
  }

  void show_recipients(std::string_view label, const std::vector<TypedAddress>& recipients) {
    const bool is_cut =
        options_.view && !options_.with_fields && recipients.size() > most_recipients;
    const std::size_t count = is_cut ? most_recipients - 1 : recipients.size();
    for (std::size_t i = 0; i < count; ++i) line(label, address(recipients[i]));
    if (is_cut) {
      line(label, fmt::format("and {} more; --headers shows all", recipients.size() - count));
    }
  }

  void show_dates() {
    const auto local = [&](std::int64_t seconds) {
      const LocalTime time = local_time(options_.view->zone, seconds);
      return time.date + " " + time.time;
    };
    const auto sent =
        options_.view ? seconds_of(header_.field(ext::sent).value_or("")) : std::nullopt;
    if (sent) {
      line("Date", local(*sent));
    } else {
      line("Date", clean(header_.date) + (header_.time.empty() ? "" : " " + clean(header_.time)));
    }
    if (options_.view) line("Received", local(options_.view->arrival));
  }

  void show_fields() {
    std::size_t width = 0;
    for (const ExtendedField& field : header_.fields) {
      width = std::max(width, columns_of(clean(field.name, longest_cell)));
    }
    if (!header_.fields.empty()) out_ << "  Fields:\n";
    for (const ExtendedField& field : header_.fields) {
      out_ << fmt::format("    {:<{}}  {}\n", clean(field.name, longest_cell), width,
                          clean(field.value));
    }
  }

  void show_attachments() {
    if (header_.attachments.empty()) return;
    std::vector<std::string> names;
    names.reserve(header_.attachments.size());
    std::size_t name_width = 4;
    std::size_t size_width = 6;
    for (const Attachment& attachment : header_.attachments) {
      names.push_back(clean(attachment.name, longest_value));
      // A very long name may stand out of its column rather than widen it for all.
      name_width = std::max(name_width, std::min(columns_of(names.back()), longest_cell));
      size_width = std::max(size_width, std::to_string(attachment.size).size());
    }
    out_ << "  Attachments:\n"
         << fmt::format("    {:>3}  {:>{}}  {:<{}}  {}\n", "No.", "Octets", size_width, "Name",
                        name_width, "Type");
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Attachment& attachment = header_.attachments[i];
      std::string type = clean(attachment.content_type, longest_cell);
      if (!attachment.disposition.empty()) {
        type += (type.empty() ? "" : ", ") + clean(attachment.disposition, longest_cell);
      }
      for (const std::string& mark : attachment.odd) type += " [" + clean(mark, longest_cell) + "]";
      std::string row = fmt::format("    {:>3}  {:>{}}  {:<{}}  {}", i + 1, attachment.size,
                                    size_width, names[i], name_width, type);
      row.erase(row.find_last_not_of(' ') + 1);
      out_ << row << '\n';
    }
  }

  std::ostream& out_;
  const MessageHeader& header_;
  std::string set_;
  const ShowOptions& options_;
};

FormatResult<void> show_contents(Reader& reader, const MessageHeader& header,
                                 const std::string& set, bool with_header_lines, std::ostream& out,
                                 std::vector<char>& buffer) {
  RenderedHeaderSplitter splitter(header.header_lines, reader.line_end());
  Utf8Converter utf8(set);
  LineFeedConverter lines(reader.line_end());
  char last = '\n';
  const auto show = [&](std::string_view text) {
    if (text.empty()) return;
    last = text.back();
    out << printable_text(text);
  };
  while (true) {
    const auto count = reader.read(buffer);
    if (!count) return tl::unexpected(count.error());
    if (*count == 0) break;
    const std::string_view piece(buffer.data(), *count);
    show(lines.convert(utf8.convert(with_header_lines ? piece : splitter.split(piece).text)));
  }
  show(lines.convert(utf8.finish()));
  show(lines.finish());
  if (last != '\n') out << '\n';
  return {};
}

}  // namespace

FormatResult<std::uint64_t> show_text(ByteSource& source, std::ostream& out,
                                      const ShowOptions& options) {
  Reader reader(source, options.reader);
  std::vector<char> buffer(stream_buffer_size);
  for (std::uint64_t count = 0;; ++count) {
    const auto header = reader.next();
    if (!header) return tl::unexpected(header.error());
    if (!*header) return count;
    const std::string set = character_set_of(**header, options.character_set);
    TextShow(out, **header, set, options).show_header(count + 1);
    if (auto shown = show_contents(reader, **header, set, options.with_header_lines, out, buffer);
        !shown) {
      return tl::unexpected(shown.error());
    }
  }
}

}  // namespace smtpgate::postoffice
