// TnefExpansion: see the header.
#include "converter/tnef_expansion.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "converter/calendar_writer.h"
#include "converter/rtf_to_text.h"
#include "converter/text_segment.h"
#include "converter/tnef_format.h"

namespace smtpgate::converter {

namespace {

// A container has several spools at once.
constexpr std::size_t spool_memory = std::size_t{256} << 10;

SpoolPlace smaller(SpoolPlace place) {
  place.memory = std::min(place.memory, spool_memory);
  return place;
}

void add_field(std::string& out, std::string_view label, std::string_view value) {
  if (value.empty()) return;
  out += label;
  for (const char c : value) out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  out += '\n';
}

/// What an embedded message's text begins with.
std::string header_lines(const TnefMessage& message) {
  std::string from = message.from.name;
  if (!message.from.address.empty()) {
    from = from.empty() ? message.from.address : from + " <" + message.from.address + ">";
  }
  std::string sent;
  if (message.sent) {
    const MeetingTime& time = *message.sent;
    char text[80];
    std::snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d %s", time.year, time.month, time.day,
                  time.hour, time.minute, time.zone.c_str());
    sent = text;
  }
  std::string lines;
  add_field(lines, "From: ", from);
  add_field(lines, "To: ", message.to);
  add_field(lines, "Date: ", sent);
  add_field(lines, "Subject: ", message.subject);
  if (!lines.empty()) lines += '\n';
  return lines;
}

}  // namespace

/// UTF-8 on its way to where it goes: remembers whether anything but blanks came.
class TnefExpansion::TextSink {
 public:
  explicit TextSink(std::function<void(std::string_view)> target) : target_(std::move(target)) {}

  /// Runs `octets` through `segment`.
  postoffice::FileResult<void> copy(Spool& octets, TextSegment& segment) {
    auto read = octets.for_each_piece(spool_piece, [&](std::string_view piece) {
      segment.feed(piece, ready_);
      hand_on();
      return true;
    });
    finish(segment);
    return read;
  }
  /// RTF as text, or the text of the HTML in it.
  postoffice::FileResult<void> copy_rtf(Spool& octets, bool is_html) {
    RtfToText rtf;
    TextSegment segment("utf-8", "UTF-8", postoffice::LineEnd::lf, is_html);
    std::string converted;
    auto read = octets.for_each_piece(spool_piece, [&](std::string_view piece) {
      converted.clear();
      rtf.feed(piece, converted);
      segment.feed(converted, ready_);
      hand_on();
      return true;
    });
    converted.clear();
    rtf.finish(converted);
    segment.feed(converted, ready_);
    finish(segment);
    return read;
  }
  bool has_content() const { return has_content_; }

 private:
  void finish(TextSegment& segment) {
    segment.finish(ready_);
    hand_on();
    has_content_ = has_content_ || segment.has_content();
  }
  void hand_on() {
    target_(ready_);
    ready_.clear();
  }

  std::function<void(std::string_view)> target_;
  std::string ready_;
  bool has_content_ = false;
};

TnefExpansion::TnefExpansion(const ExpansionContext& context, bool is_certain)
    : context_(context),
      place_(smaller(context.place)),
      is_certain_(is_certain),
      files_(context.files, context.limits, "tnef-limit") {}

void TnefExpansion::feed(std::string_view octets) {
  if (is_no_tnef_) return;
  if (!reader_) {
    const std::size_t missing = tnef::signature.size() - held_.size();
    held_ += octets.substr(0, missing);
    octets.remove_prefix(std::min(missing, octets.size()));
    if (held_.size() < tnef::signature.size()) return;
    if (held_ != tnef::signature) {
      is_no_tnef_ = true;
      return;
    }
    reader_.emplace(place_, context_.limits, files_, static_cast<TnefMessageHandler&>(*this));
    reader_->feed(held_);
  }
  reader_->feed(octets);
}

void TnefExpansion::finish() {
  if (!reader_) {
    is_no_tnef_ = true;
    return;
  }
  reader_->finish();
  if (reader_->error()) error_ = reader_->error();
}

std::vector<std::string> TnefExpansion::marks() const {
  if (is_no_tnef_) {
    return is_certain_ ? std::vector<std::string>{"tnef-damaged"} : std::vector<std::string>{};
  }
  std::vector<std::string> marks = {"expanded"};
  for (std::string& mark : reader_->marks()) marks.push_back(std::move(mark));
  return marks;
}

void TnefExpansion::message(TnefMessage& message) {
  const bool is_own = message.depth == 0;
  const std::string base = is_own                 ? "message"
                           : message.name.empty() ? "embedded message"
                                                  : message.name;
  EmbeddedFile file;
  if (!is_own) file.odd.push_back("from:" + base);

  file.name = base + ".rtf";
  file.content_type = "application/rtf";
  if (message.rtf.size() > 0) tell_spool(file, message.rtf);

  file.name = base + ".html";
  bool has_html_in_rtf = false;
  if (message.html.size() > 0) {
    file.content_type = "text/html";
    if (!message.html_charset.empty()) file.content_type += "; charset=" + message.html_charset;
    tell_spool(file, message.html);
  } else if (message.rtf.size() > 0) {
    file.content_type = "text/html; charset=utf-8";
    has_html_in_rtf = tell_html_in_rtf(file, message);
  }

  if (is_own) {
    offer_text(message, has_html_in_rtf);
  } else {
    tell_embedded_text(message, has_html_in_rtf);
  }

  if (!message.meeting) return;
  if (is_own) context_.substitute.add_top_lines(meeting_lines(*message.meeting));
  file.name = (is_own ? "meeting" : base) + std::string(".ics");
  file.content_type =
      "text/calendar; charset=utf-8; method=" + std::string(calendar_method(message.meeting->kind));
  const std::string calendar = to_icalendar(*message.meeting);
  if (!calendar.empty()) tell_text(file, calendar);
}

void TnefExpansion::tell_spool(const EmbeddedFile& file, Spool& octets) {
  files_.begin_file(file);
  take_error(octets.for_each_piece(spool_piece, [&](std::string_view piece) {
    files_.file_octets(piece);
    return true;
  }));
  files_.end_file({});
}

void TnefExpansion::tell_text(const EmbeddedFile& file, std::string_view text) {
  files_.begin_file(file);
  files_.file_octets(text);
  files_.end_file({});
}

/// True if the RTF carries HTML, which is then told.
bool TnefExpansion::tell_html_in_rtf(const EmbeddedFile& file, TnefMessage& message) {
  RtfToText rtf;
  TextSegment lines("utf-8", "UTF-8", context_.target.line_end, false);
  std::string converted;
  std::string ready;
  bool is_begun = false;
  take_error(message.rtf.for_each_piece(spool_piece, [&](std::string_view piece) {
    converted.clear();
    ready.clear();
    rtf.feed(piece, converted);
    if (converted.empty()) return true;
    if (!rtf.is_html()) return false;
    if (!is_begun) files_.begin_file(file);
    is_begun = true;
    lines.feed(converted, ready);
    files_.file_octets(ready);
    return true;
  }));
  if (!is_begun) return false;
  converted.clear();
  ready.clear();
  rtf.finish(converted);
  lines.feed(converted, ready);
  lines.finish(ready);
  files_.file_octets(ready);
  files_.end_file({});
  return true;
}

void TnefExpansion::offer_text(TnefMessage& message, bool has_html_in_rtf) {
  if (!context_.substitute.is_free()) {
    // Another container's body was first; a body of our own is still worth a file.
    if (message.text.size() == 0) return;
    const EmbeddedFile file{"message.txt", "text/plain; charset=utf-8", {}, {}};
    TextSegment segment(message.text_charset, "UTF-8", context_.target.line_end, false);
    TextSink sink([&](std::string_view text) { files_.file_octets(text); });
    files_.begin_file(file);
    take_error(sink.copy(message.text, segment));
    files_.end_file({});
    return;
  }
  const bool has_body =
      message.text.size() > 0 || message.html.size() > 0 || message.rtf.size() > 0;
  if (!has_body) return;
  context_.substitute.offer({}, message.text.size() > 0, context_.name);
  TextSink sink([&](std::string_view text) { take_error(context_.substitute.write(text)); });
  write_body(message, has_html_in_rtf, sink);
}

void TnefExpansion::tell_embedded_text(TnefMessage& message, bool has_html_in_rtf) {
  EmbeddedFile file;
  const std::string base = message.name.empty() ? "embedded message" : message.name;
  file.name = base + ".txt";
  file.content_type = "text/plain; charset=utf-8";
  file.odd.push_back("from:" + base);
  files_.begin_file(file);
  std::string top = header_lines(message);
  if (message.meeting) top += meeting_lines(*message.meeting);
  TextSegment lines("utf-8", "UTF-8", context_.target.line_end, false);
  std::string ready;
  lines.feed(top, ready);
  files_.file_octets(ready);
  TextSink sink([&](std::string_view text) {
    ready.clear();
    lines.feed(text, ready);
    files_.file_octets(ready);
  });
  write_body(message, has_html_in_rtf, sink);
  ready.clear();
  lines.finish(ready);
  files_.file_octets(ready);
  files_.end_file({});
}

/// The best body that there is, as UTF-8 with LF: the text, the HTML, the RTF.
bool TnefExpansion::write_body(TnefMessage& message, bool has_html_in_rtf, TextSink& sink) {
  if (message.text.size() > 0) {
    TextSegment segment(message.text_charset, "UTF-8", postoffice::LineEnd::lf, false);
    take_error(sink.copy(message.text, segment));
  }
  if (!sink.has_content() && message.html.size() > 0) {
    TextSegment segment(message.html_charset, "UTF-8", postoffice::LineEnd::lf, true);
    take_error(sink.copy(message.html, segment));
  }
  if (!sink.has_content() && message.rtf.size() > 0) {
    take_error(sink.copy_rtf(message.rtf, has_html_in_rtf));
  }
  return sink.has_content();
}

void TnefExpansion::take_error(const postoffice::FileResult<void>& result) {
  if (!result && !error_) error_ = result.error();
}

}  // namespace smtpgate::converter
