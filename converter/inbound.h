// Internet mail to MMFF: the converter's way in, as one call. A raw message and its envelope become
// a MessageHeader with its text and attachments, ready to be written as TO_NC.API; the chain files
// can be written beside it.
//
// Not for: filing (postoffice/put.h), deciding recipients (milter/), or the other direction.
//
// Nothing is dropped (house rule 4): each leaf is the text or an attachment; what breaks a limit or
// the parser is carried whole as one attachment with a note. So convert_inbound() fails only with
// temporary outcomes: disk and memory. One call belongs to one thread; calls share nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "converter/address_map.h"
#include "converter/attachment_contents.h"
#include "converter/attachment_names.h"
#include "converter/container_limits.h"
#include "converter/envelope.h"
#include "converter/mime_parser.h"
#include "converter/spool.h"
#include "converter/time_limit.h"
#include "postoffice/mmff.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::converter {

struct InboundSettings {
  std::string hostname;        ///< for our Received line
  bool keep_trace = false;     ///< -T: trace and hidden fields stand in the text too
  bool from_envelope = false;  ///< from = "envelope": FROM is MAIL FROM, the original's way
  std::vector<std::string> hidden_fields =
      default_hidden_fields();  ///< names; a final '*' matches any rest
  ParserLimits limits;
  ContainerLimits containers;
  unsigned most_addresses =
      10'000;  ///< of one TO or CC list; more are left to the text's own header line
  std::size_t longest_name = 200;  ///< octets of an attachment's name
  AttachmentNames::Form attachment_names = AttachmentNames::Form::any;
  bool joins_flowed = true;                ///< format=flowed: paragraphs are joined (flowed_join.h)
  unsigned most_embedded_files = 1'000;    ///< files inside parts, of a message
  std::chrono::seconds longest_time{120};  ///< of one convert_inbound()
  SteadyClock clock;                       ///< by which it is measured

  static std::vector<std::string> default_hidden_fields();
};

/// What of a postoffice the converter must know.
struct TargetFormat {
  postoffice::PostofficeName name;
  std::string character_set = "UTF-8";
  postoffice::LineEnd line_end = postoffice::LineEnd::lf;
  postoffice::LocalTime arrival;
  /// Attachments are called as DOS has it, whatever InboundSettings says.
  bool short_attachment_names = false;
};

/// A message as it came: the content in CRLF form, our own Return-Path and Received in a string
/// before it.
class RawMessage {
 public:
  explicit RawMessage(SpoolPlace place);

  /// Header and body octets as they come, in pieces; bare LF becomes CRLF. An error is a disk
  /// error.
  postoffice::FileResult<void> feed(std::string_view piece);
  Spool& content() { return content_; }
  std::uint64_t size() const { return content_.size(); }

 private:
  Spool content_;
  CrlfNormalizer normalizer_;
};

/// Return-Path and Received lines (CRLF), put on top of SMTP_IN.822.
std::string render_trace(const Envelope& envelope, const InboundSettings& settings);

struct ConvertedMessage {
  postoffice::MessageHeader header;
  std::string rendered_header;  ///< the lines on top of the text, in the postoffice's set and line
                                ///< end (API_OUT.TMP's first part)
  Spool text;                   ///< the text after them
  AttachmentContents attachments;
  std::string content_key;  ///< K, 64 hex digits

  explicit ConvertedMessage(const SpoolPlace& place) : text(place), attachments(place) {}

  /// TO_NC.API, whole. `raw` is the message that was converted, unchanged.
  postoffice::FileResult<void> write_to(RawMessage& raw, postoffice::File& file,
                                        postoffice::LineEnd line_end);
};

Expected<ConvertedMessage> convert_inbound(RawMessage& raw, const Envelope& envelope,
                                           const AddressMap& map, const TargetFormat& target,
                                           const InboundSettings& settings,
                                           const SpoolPlace& place);

/// Makes SMTP_IN.822 in `directory` with our trace on top and lets `raw`, still empty, keep its
/// octets there: a message that is written to the chain anyhow needs no spool of its own.
Outcome keep_raw_in_chain(const std::string& directory, RawMessage& raw, const Envelope& envelope,
                          const InboundSettings& settings, postoffice::FileSystem& files);

/// SMTP_IN.ENV, SMTP_IN.822 (unless it is there by keep_raw_in_chain()), API_OUT.TMP and TO_NC.API
/// in `directory`, which exists; files are replaced.
Outcome write_chain(const std::string& directory, RawMessage& raw, const Envelope& envelope,
                    ConvertedMessage& converted, const InboundSettings& settings,
                    postoffice::LineEnd line_end, postoffice::FileSystem& files);

}  // namespace smtpgate::converter
