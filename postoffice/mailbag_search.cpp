// Searching; see the header.
#include "postoffice/mailbag_search.h"

#include <algorithm>
#include <charconv>

#include "postoffice/byte_stream.h"
#include "postoffice/character_set.h"
#include "postoffice/folded_text.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/mmff_text.h"

namespace smtpgate::postoffice {

namespace {

using Words = std::vector<std::string>;

Words folded(const Words& words) {
  Words result;
  for (const std::string& word : words) result.push_back(fold_text(word));
  return result;
}

bool holds_all(const std::string& text, const Words& words) {
  return std::all_of(words.begin(), words.end(), [&text](const std::string& word) {
    return text.find(word) != std::string::npos;
  });
}

/// Each of `words` in one of `texts`.
bool hold_all(const Words& texts, const Words& words) {
  return std::all_of(words.begin(), words.end(), [&texts](const std::string& word) {
    return std::any_of(texts.begin(), texts.end(), [&word](const std::string& text) {
      return text.find(word) != std::string::npos;
    });
  });
}

class Search {
 public:
  Search(const Postoffice& postoffice, const Mailbag& mailbag, const SearchTerms& terms)
      : fallback_(postoffice.settings().character_set),
        mailbag_(mailbag),
        terms_(terms),
        from_(folded(terms.from)),
        to_(folded(terms.to)),
        subject_(folded(terms.subject)),
        attachments_(folded(terms.attachments)),
        buffer_(stream_buffer_size) {}

  enum class Verdict { found, not_found, unreadable };

  Verdict judge(const MailbagEntry& entry, MessageSummary& summary) {
    auto file = mailbag_.open_message(entry);
    if (!file) return Verdict::unreadable;
    FileSource source(**file);
    Reader reader(source);
    const auto header = reader.next();
    if (!header || !*header) return Verdict::unreadable;
    set_ = character_set_of(**header, fallback_);
    if (!header_matches(**header)) return Verdict::not_found;
    if (!terms_.text.empty()) {
      const auto matches = text_matches(reader, **header);
      if (!matches) return Verdict::unreadable;
      if (!*matches) return Verdict::not_found;
    }
    summary = summarize(**header, fallback_);
    return Verdict::found;
  }

 private:
  std::string clean(const std::string& value) const { return fold_text(to_utf8(value, set_)); }
  std::string clean(const TypedAddress& address) const {
    return clean(address.name) + " " + clean(address.str());
  }

  bool header_matches(const MessageHeader& header) const {
    if (!from_.empty() && !holds_all(clean(header.from), from_)) return false;
    if (!subject_.empty() && !holds_all(clean(header.subject), subject_)) return false;
    if (!to_.empty()) {
      Words recipients;
      for (const auto* list : {&header.to, &header.cc}) {
        for (const TypedAddress& one : *list) recipients.push_back(clean(one));
      }
      if (!hold_all(recipients, to_)) return false;
    }
    if (attachments_.empty()) return true;
    Words names;
    for (const Attachment& one : header.attachments) {
      names.push_back(clean(one.name) + " " + clean(one.original_name));
    }
    return hold_all(names, attachments_);
  }

  FormatResult<bool> text_matches(Reader& reader, const MessageHeader& header) {
    std::vector<TextFinder> finders(terms_.text.begin(), terms_.text.end());
    RenderedHeaderSplitter splitter(header.header_lines, reader.line_end());
    Utf8Converter utf8(set_);
    const auto feed = [&finders](std::string_view text) {
      bool is_found = true;
      for (TextFinder& finder : finders) is_found = finder.feed(text) && is_found;
      return is_found;
    };
    for (;;) {
      const auto count = reader.read(buffer_);
      if (!count) return tl::unexpected(count.error());
      if (*count == 0) break;
      const std::string_view piece(buffer_.data(), *count);
      if (feed(utf8.convert(splitter.split(piece).text))) return true;
    }
    feed(utf8.finish());
    bool is_found = true;
    for (TextFinder& finder : finders) is_found = finder.finish() && is_found;
    return is_found;
  }

  std::string fallback_;
  const Mailbag& mailbag_;
  const SearchTerms& terms_;
  Words from_, to_, subject_, attachments_;
  std::string set_;  ///< of the message in hand
  std::vector<char> buffer_;
};

}  // namespace

Expected<SearchResult> search_mailbag(const Postoffice& postoffice, const Mailbag& mailbag,
                                      const SearchTerms& terms, const SearchListener& listener) {
  auto entries = mailbag.list();
  if (!entries) return failure(entries.error());
  std::erase_if(*entries, [&terms](const MailbagEntry& entry) {
    return entry.arrival < terms.since || entry.arrival >= terms.before ||
           (terms.only_unread && entry.is_read);
  });
  Search search(postoffice, mailbag, terms);
  SearchResult result;
  for (const MailbagEntry& entry : *entries) {
    if (result.found >= terms.newest) break;
    if (listener.progress) listener.progress(result.looked_at, entries->size(), result.found);
    ++result.looked_at;
    MessageSummary summary;
    switch (search.judge(entry, summary)) {
      case Search::Verdict::found:
        ++result.found;
        if (listener.found) listener.found(entry, summary);
        break;
      case Search::Verdict::unreadable:
        ++result.unreadable;
        break;
      case Search::Verdict::not_found:
        break;
    }
  }
  return result;
}

namespace {

/// So many digits, and taken off; nullopt if they are not there.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  int value = 0;
  if (text.size() < count) return std::nullopt;
  const auto parsed = std::from_chars(text.data(), text.data() + count, value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + count || value < 0) {
    return std::nullopt;
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, std::string_view characters) {
  if (text.empty() || characters.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int64_t> parse_age(std::string_view text) {
  std::int64_t count = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
  constexpr std::int64_t most = 1'000'000;
  if (parsed.ec != std::errc() || count < 0 || count > most ||
      parsed.ptr != text.data() + text.size() - 1) {
    return std::nullopt;
  }
  switch (text.back()) {
    case 'm':
      return count * 60;
    case 'h':
      return count * 3600;
    case 'd':
      return count * 86'400;
    case 'w':
      return count * 7 * 86'400;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::int64_t> parse_moment(std::string_view text, const TimeZone& zone,
                                         std::int64_t now) {
  if (text.empty()) return std::nullopt;
  if (const auto age = parse_age(text)) return now - *age;
  const auto year = take_digits(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || *month < 1 || *month > 12 || !take(text, "-")) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || *day < 1 || *day > 31) return std::nullopt;
  int hour = 0;
  int minute = 0;
  if (!text.empty()) {
    if (!take(text, " T")) return std::nullopt;
    const auto hours = take_digits(text, 2);
    if (!hours || *hours > 23 || !take(text, ":")) return std::nullopt;
    const auto minutes = take_digits(text, 2);
    if (!minutes || *minutes > 59 || !text.empty()) return std::nullopt;
    hour = *hours;
    minute = *minutes;
  }
  const std::int64_t days = days_from_civil(*year, *month, *day);
  if (to_civil_time(days * 86'400).day != *day) return std::nullopt;  // 31 February
  const std::int64_t local = days * 86'400 + hour * 3600 + minute * 60;
  // The offset of that moment, which is found from the offset of one at most a day away.
  const std::int64_t guess = local - zone.offset_at(local);
  return local - zone.offset_at(guess);
}

}  // namespace smtpgate::postoffice
