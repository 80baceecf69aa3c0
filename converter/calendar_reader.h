// The first event of an iCalendar object, as a Meeting and its description: enough to show a person
// what a calendar part says. Octets in, in pieces of any size; one line is held at most. Not a
// calendar: other events, alarms, zones and exceptions are not read.
//
// Source: RFC 5545; RFC 2445 and vCalendar 1.0 where they differ little.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "converter/mail_text_decoder.h"
#include "converter/meeting.h"

namespace smtpgate::converter {

class CalendarReader {
 public:
  /// `label` is the part's charset; without one, the text is looked at. `method` is that of the
  /// part's Content-Type, used if the object has none.
  CalendarReader(std::string_view label, std::string_view method);

  void feed(std::string_view octets);
  void finish();

  /// nullopt: there is no event, to-do or journal in it.
  const std::optional<Meeting>& meeting() const { return meeting_; }
  /// Of the event; UTF-8 with LF, at most 64 KiB of it.
  const std::string& description() const { return description_; }

 private:
  struct ContentLine;
  void take_text(std::string_view text);
  void end_line();
  void take_line(std::string_view line);
  void take_property(const ContentLine& line);
  void set_kind(std::string_view method);
  void add_attendee(const ContentLine& line);

  MailTextDecoder decoder_;
  std::string decoded_;
  std::string line_;  ///< unfolded so far
  bool has_line_ = false;
  bool is_first_ = true;  ///< of the characters of a line
  std::string method_;
  unsigned depth_inside_ = 0;  ///< components opened inside the event
  bool is_in_event_ = false;
  bool is_complete_ = false;
  std::optional<Meeting> meeting_;
  std::string description_;
};

}  // namespace smtpgate::converter
