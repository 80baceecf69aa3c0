// Reports about one's own mail: what a multipart/report says of the message that it is about, read
// from its parts while they pass (docs/receipts.md). Delivery reports (RFC 3464, 6533) and
// disposition notifications (RFC 8098), their parts transfer-encoded or not.
//
// Not for what becomes of the parts (inbound_assembler.h): they are text and attachments as ever.
// Nothing here is proof of anything: anybody can write a report.
//
// Hostile input: of each part the first `largest` octets are kept and gone through once; results
// are bounded, one line each, valid UTF-8. One object, one message, one thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "converter/mime_parameters.h"

namespace smtpgate::converter {

struct Report {
  std::string kind;         ///< "delivery", "disposition"; empty: it is no report after all
  std::string message_id;   ///< "<left@right>" of the message that it is about; empty: not said
  std::string envelope_id;  ///< Original-Envelope-Id, xtext undone; empty: none, or not printable
  std::vector<std::string> recipients;  ///< "action status address"; what is not said is "-"
};

class ReportReader {
 public:
  static constexpr std::size_t largest = std::size_t{256} << 10;  ///< octets read of a part
  static constexpr std::size_t most_recipients = 100;

  /// Whether a message of that type can be a report: multipart/report whose report-type is one of
  /// the two kinds, or missing. Without it the parts tell.
  static bool may_be_report(const ContentType& of_message);

  /// Only for a type that may_be_report().
  explicit ReportReader(const ContentType& of_message);

  /// A part of the multipart begins, no multipart itself. True: feed() its octets,
  /// transfer-decoded, with any line ends, then call end_part(). The first report and the first
  /// returned message count.
  bool begin_part(const ContentType& type);
  void feed(std::string_view octets);
  void end_part();

  Report finish();

 private:
  enum class Part { none, delivery_status, disposition, returned };

  void read_delivery_status();
  void read_disposition();
  void read_returned();

  Part part_ = Part::none;
  std::string octets_;  ///< of the part that is open
  bool has_status_ = false;
  bool has_returned_ = false;
  std::string returned_id_;  ///< Message-ID of the returned message
  Report report_;
};

}  // namespace smtpgate::converter
