// A reply of an SMTP server, as a value, and its parser (RFC 5321, 4.2; enhanced status codes: RFC
// 2034). Lines in, reply out: no conversation (smtp_connection.h), no meaning (smtp_session.h,
// smtp_transaction.h).
//
// What a server says is hostile: the parser takes a bounded number of lines and octets and keeps
// them as they came; summary() is what may be shown.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::milter {

struct SmtpReply {
  int code = 0;                    ///< 200 to 599
  std::string status;              ///< "5.1.1", of the code's own class; empty if there was none
  std::vector<std::string> lines;  ///< without code and status, octets as they came

  int first_digit() const { return code / 100; }
  bool is_positive() const { return first_digit() == 2; }
  /// "550 5.1.1 User unknown": one printable line, at most 500 octets.
  std::string summary() const;
};

class SmtpReplyParser {
 public:
  static constexpr std::size_t longest_line = 4096;
  static constexpr std::size_t most_lines = 500;
  static constexpr std::size_t most_octets = 65'536;

  enum class Step { more, complete, malformed };

  /// A line without its line end. After `complete` the reply is taken with finish(). Lines with
  /// different codes are one reply: the last line's counts (RFC 5321, 4.2.1).
  Step take(std::string_view line);
  SmtpReply finish();

 private:
  SmtpReply reply_;
  std::size_t octets_ = 0;
};

/// XXXX of Postfix's "Ok: queued as XXXX": letters and digits, at most 64; empty if there is none.
std::string queue_id_of(const SmtpReply& reply);

}  // namespace smtpgate::milter
