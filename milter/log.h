// The gateway's log: one Postfix-shaped line per recipient, and plain lines for everything else, to
// syslog (facility mail), a file, or standard error. Lines are shaped so that pflogsumm and people
// who read Postfix's log can read them (docs/flow.md has each).
//
// Every line belongs to an area (log_area.h) with a level of its own: a destination is written to
// by an AreaLog alone.
//
// Every value from outside passes printable_ascii() here, and only here. All objects may be used
// from several threads at once.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "milter/log_area.h"
#include "postoffice/outcome.h"

namespace smtpgate::milter {

class Log {
 public:
  virtual ~Log() = default;
  /// One line without its end; it is escaped here. Never fails: a log that cannot be written must
  /// not stop mail.
  void info(std::string_view text) { write(Severity::info, text); }
  void warning(std::string_view text) { write(Severity::warning, text); }
  void error(std::string_view text) { write(Severity::error, text); }
  /// What only somebody who looks for a fault wants to read. `make` gives the text, and is not
  /// called while nobody does.
  template <typename Make>
  void debug(Make make) {
    if (wants(Severity::debug)) write(Severity::debug, make());
  }
  virtual void write(Severity severity, std::string_view text) = 0;
  virtual bool wants(Severity severity) const { return severity != Severity::debug; }
};

/// Where lines end up.
class LogDestination {
 public:
  virtual ~LogDestination() = default;
  /// One line without its end; it is escaped here. Never fails.
  virtual void write(Severity severity, std::string_view text) = 0;
  /// The file was rotated: open it anew. Nothing to do for other destinations.
  virtual void reopen() {}
};

/// The log of one area.
class AreaLog : public Log {
 public:
  /// Both outlive it.
  AreaLog(LogArea area, LogDestination& to, const LogLevels& levels)
      : area_(area), to_(to), levels_(levels) {}
  void write(Severity severity, std::string_view text) override {
    if (wants(severity)) to_.write(severity, text);
  }
  bool wants(Severity severity) const override { return severity >= levels_.of(area_); }

 private:
  LogArea area_;
  LogDestination& to_;
  const LogLevels& levels_;
};

/// `destination` is "syslog", "stderr" or the absolute path of a file (made if absent, mode 0640,
/// appended to). `tag` names us as Postfix's programs are named: "postfix/smtpgate".
/// The error is a sentence.
tl::expected<std::unique_ptr<LogDestination>, std::string> open_log(const std::string& destination,
                                                                    const std::string& tag);

/// Where the time of a message went, in seconds; Postfix's delays=a/b/c/d.
struct DeliveryDelays {
  double receiving = 0;   ///< a: until it was ours: MAIL to the end of the data
  double delivering = 0;  ///< d: inbound conversion and put; outbound MAIL to the last reply
  double waiting = 0;     ///< b: outbound only: in SMTP/
  double connecting = 0;  ///< c: outbound only: until the host's greeting
};

/// "ID: to=<ADDRESS>, relay=RELAY, delay=1.2, delays=1/0/0/0.2, dsn=2.0.0, status=sent (filed as
/// ID)". `id` is Postfix's queue id for mail that comes in, our own for mail that goes out.
/// `address` without brackets; an empty id becomes NOQUEUE, an empty relay none. Not escaped yet:
/// it is for Log::info().
std::string delivery_line(std::string_view id, std::string_view address, std::string_view relay,
                          const DeliveryDelays& delays, const Outcome& outcome);
/// "postoffice[NET/PO]"; empty if the postoffice is not known.
std::string postoffice_relay(std::string_view postoffice);

/// Seconds as Postfix writes them: two significant digits, no exponent: "0.03", "1.2", "75".
std::string format_delay(double seconds);

}  // namespace smtpgate::milter
