// MMFF, the Microsoft Mail File Format, as docs/mmff.md defines it: the message header in memory,
// the names of the extended fields that we write, line ends, value escaping and format errors.
// Reading: mmff_reader.h; writing: mmff_writer.h.
//
// Sources: Q118785 (basic format), Q87223 (kinds), Q147034 (EXT), Q94410 (^0D), Q85043 (errors).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postoffice/address.h"
#include "postoffice/outcome.h"

namespace smtpgate::postoffice {

enum class LineEnd { cr, lf, crlf };  ///< -f0, -f1, -f2
std::string_view line_end_octets(LineEnd line_end);
/// "cr", "lf", "crlf" of a settings file.
std::optional<LineEnd> parse_line_end(std::string_view name);
std::string_view line_end_name(LineEnd line_end);

/// One EXT field: "EXT:<type>:<number>:<NAME>" and its value on the next line.
struct ExtendedField {
  char type = 'S';  ///< 'S' string, 'I' integer (ours: only I is seen in a published sample)
  unsigned long number = 0;  ///< 0: of the message; k: of the k-th attachment, TO or CC (first = 1)
  std::string name;          ///< upper-case letters, digits and '-'
  std::string value;         ///< unescaped, in the file's character set
};

/// Names of the extended fields that we write (docs/mmff.md has the meaning of each).
namespace ext {
inline constexpr std::string_view header_lines = "HEADLEN";  // documented, Q147034
inline constexpr std::string_view character_set = "CHARSET";
inline constexpr std::string_view text_format = "TEXT-FORMAT";  // flowed (RFC 3676)
inline constexpr std::string_view content_key = "CONTENT-KEY";
inline constexpr std::string_view envelope_from = "ENVELOPE-FROM";
inline constexpr std::string_view message_id = "MESSAGE-ID";
inline constexpr std::string_view sent = "SENT";  // the Date field, RFC 3339 with zone
inline constexpr std::string_view sent_as_written = "SENT-AS-WRITTEN";  // a Date that is no date
inline constexpr std::string_view received = "RECEIVED";  // arrival, RFC 3339 with zone
inline constexpr std::string_view from_name = "FROM-NAME";
inline constexpr std::string_view header_from = "HEADER-FROM";  // when FROM is the envelope's
inline constexpr std::string_view sender = "SENDER";
inline constexpr std::string_view reply_to = "REPLY-TO";
inline constexpr std::string_view in_reply_to = "IN-REPLY-TO";  // outgoing: message ids
inline constexpr std::string_view references = "REFERENCES";    // outgoing: message ids
inline constexpr std::string_view to_name = "TO-NAME";          // number: which TO
inline constexpr std::string_view cc_name = "CC-NAME";          // number: which CC
inline constexpr std::string_view bcc = "BCC";  // a further recipient; in files to be sent only
inline constexpr std::string_view receipt_to = "RECEIPT-TO";
// Receipts and reports (docs/receipts.md).
inline constexpr std::string_view receipt_options = "RECEIPT-OPTIONS";
inline constexpr std::string_view original_recipient = "ORIGINAL-RECIPIENT";
inline constexpr std::string_view precedence = "PRECEDENCE";  // list, bulk, junk
inline constexpr std::string_view disposition = "DISPOSITION";
inline constexpr std::string_view report_kind = "REPORT-KIND";  // delivery, disposition
inline constexpr std::string_view report_for = "REPORT-FOR";    // a message id
inline constexpr std::string_view report_id = "REPORT-ID";      // an outgoing ID
inline constexpr std::string_view report_recipient = "REPORT-RECIPIENT";
inline constexpr std::string_view queue_id = "QUEUE-ID";  // Postfix's, a log tag only
inline constexpr std::string_view trace = "TRACE";        // a header line not shown in the text
inline constexpr std::string_view odd = "ODD";            // a mark: what was odd
inline constexpr std::string_view filed = "FILED";        // smtpput: where it was filed before
inline constexpr std::string_view envelope_to = "ENVELOPE-TO";        // a recipient of the envelope
inline constexpr std::string_view auto_submitted = "AUTO-SUBMITTED";  // RFC 3834
inline constexpr std::string_view attachment_type = "ATTACHMENT-TYPE";
inline constexpr std::string_view attachment_disposition = "ATTACHMENT-DISPOSITION";
inline constexpr std::string_view attachment_name = "ATTACHMENT-NAME";  // the sender's own name
inline constexpr std::string_view attachment_id = "ATTACHMENT-ID";      // Content-ID
inline constexpr std::string_view attachment_charset = "ATTACHMENT-CHARSET";  // of a text
inline constexpr std::string_view attachment_odd = "ATTACHMENT-ODD";
}  // namespace ext

struct Attachment {
  std::string name;              ///< as on the ATTACHMENT line; in files that we wrote it is safe
                                 ///< and unique within the message
  std::uint64_t size = 0;        ///< octets
  std::string content_type;      ///< "type/subtype" or with parameters; empty if unknown
  std::string disposition;       ///< "attachment", "inline", or empty
  std::string original_name;     ///< what the sender called it, if that differs from `name`
  std::string character_set;     ///< of a text, as its sender labelled it; empty if unknown
  std::string content_id;        ///< without angle brackets
  std::vector<std::string> odd;  ///< marks
  std::string external_path;     ///< XATTACH: the file named; contents are not in the MMFF file,
                                 ///< `size` is that file's
};

/// Everything of one message but its contents. Strings are octets of the file's own character set
/// (CHARSET, a superset of ASCII); whoever shows them converts them.
struct MessageHeader {
  std::string version = "3.00";
  TypedAddress from;
  std::vector<TypedAddress> to;
  std::vector<TypedAddress> cc;
  std::vector<std::uint64_t> to_lines;  ///< reader only: the line of each `to`, for errors (142)
  std::vector<std::uint64_t> cc_lines;
  std::string date;  ///< yyyy-mm-dd; empty if the line is missing
  std::string time;  ///< hh:mm
  std::string subject;
  std::string priority;
  std::vector<Attachment> attachments;
  std::uint64_t header_lines = 0;  ///< lines of rendered header at the start of the text (HEADLEN)
  std::uint64_t text_size = 0;     ///< octets of text, rendered header included
  std::string external_text;       ///< XTEXT: the file named; then text_size is that file's
  /// All other EXT fields, in file order. A reader leaves those that fill members above
  /// (HEADLEN, *-NAME, ATTACHMENT-*) out of here and puts them into all_fields() only.
  std::vector<ExtendedField> fields;

  /// First value in `fields` of that name, in any case and with any number; nullopt if absent.
  std::optional<std::string> field(std::string_view name) const;
  void add_field(std::string_view name, std::string value, unsigned long number = 0,
                 char type = 'S');
  /// `fields` and those that the members stand for, in the order in which a writer puts them.
  std::vector<ExtendedField> all_fields() const;
};

/// A value so that it stays one line and cannot be taken for anything else: each control octet
/// (0x00-0x1F but TAB, and 0x7F) becomes ^XX (two upper-case hex digits, as Q94410 shows for CR); a
/// caret that two such digits of a control octet or of a caret follow becomes ^5E.
/// unescape_value(escape_value(x)) == x for every x.
std::string escape_value(std::string_view value);
std::string unescape_value(std::string_view value);

/// Whether a reader takes `address` for NET/PO/MAILBOX. Octets beyond ASCII may be of any character
/// set here; they are letters to the rules of names.
bool has_native_form(std::string_view address);

/// FormatError::number of an address that leads nowhere.
inline constexpr int bad_address = 142;

/// What is wrong with a file, in the original's form and with its numbers.
struct FormatError {
  int number = 143;            ///< 140..147, 151
  std::uint64_t message = 1;   ///< ordinal of the message in the file
  std::uint64_t line = 1;      ///< line within the message
  std::string text;            ///< what, and what to do; may hold hostile bytes
  bool is_file_error = false;  ///< the disk failed, not the format: temporary

  /// "141-1-2 text", printable.
  std::string str() const;
  Outcome outcome() const;  ///< permanent 5.6.0; temporary if is_file_error
};

}  // namespace smtpgate::postoffice
