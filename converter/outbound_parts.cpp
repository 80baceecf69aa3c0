// Attachments on their way out: see the header.
#include "converter/outbound_parts.h"

#include <algorithm>
#include <array>
#include <optional>

#include "converter/base64_encoder.h"
#include "converter/header_writer.h"
#include "converter/media_type.h"
#include "converter/mime_parameters.h"
#include "converter/mime_parser.h"
#include "converter/parameter_encoder.h"
#include "converter/part_note.h"
#include "converter/uuencode_encoder.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/safe_file_name.h"
#include "postoffice/utf8.h"

namespace smtpgate::converter {

using postoffice::Attachment;

namespace {

/// Whole lines of base64 and of uuencode (57 and 45 octets); about 256 KiB.
constexpr std::size_t piece_size = Base64Encoder::line_octets * UuencodeEncoder::line_octets * 102;
constexpr std::size_t longest_smtp_line = 998;
constexpr std::size_t longest_type = 200;
constexpr std::size_t longest_label = 200;

/// Whether octets may go out as they are (RFC 2046, 5.2.1): ASCII, lines of at most 998 octets that
/// end in CR LF and nothing else, none that our boundary begins. Or in LF and nothing else, for
/// what had its lines changed to the postoffice's on the way in and gets the wire's again.
class SevenBitTest {
 public:
  SevenBitTest(std::string_view boundary, bool ends_in_lf)
      : boundary_line_("--" + std::string(boundary)), ends_in_lf_(ends_in_lf) {}

  void feed(std::string_view piece) {
    if (postoffice::end_of_ascii(piece, 0) != piece.size()) fits_ = false;
    for (const char c : piece) {
      if (!fits_) return;
      const bool is_wrong_end = ends_in_lf_ ? c == '\r' : after_cr_ != (c == '\n');
      if (is_wrong_end || c == '\0') {
        fits_ = false;
      } else if (c == '\n') {
        column_ = 0;
        matched_ = 0;
      } else if (c != '\r') {
        if (matched_ == column_ && c == boundary_line_[matched_]) ++matched_;
        if (++column_ > longest_smtp_line || matched_ == boundary_line_.size()) fits_ = false;
      }
      after_cr_ = c == '\r';
    }
  }
  bool fits() const { return fits_ && !after_cr_; }

 private:
  std::string boundary_line_;
  bool ends_in_lf_;
  std::size_t column_ = 0;
  std::size_t matched_ = 0;  // octets of boundary_line_ that the line begins with
  bool after_cr_ = false;
  bool fits_ = true;
};

/// RFC 2046, 5: these may not be base64.
bool is_composite(const ContentType& type) {
  return type.type == "multipart" ||
         (type.type == "message" && !type.subtype.starts_with("global"));
}

/// Lines of text to their readers, unlike an enclosed message, whose octets count.
bool is_report(const ContentType& type) {
  constexpr std::array<std::string_view, 5> subtypes = {"delivery-status",
                                                        "disposition-notification", "external-body",
                                                        "feedback-report", "tracking-status"};
  return type.type == "message" &&
         std::find(subtypes.begin(), subtypes.end(), type.subtype) != subtypes.end();
}

/// Of a character set, a disposition.
bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= longest_label &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_content_id(std::string_view text) {
  return !text.empty() && text.size() <= longest_address &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c <= '~' && c != '<' && c != '>'; });
}

}  // namespace

struct OutboundParts::Description {
  ContentType type;
  std::string charset;
  std::string name;
  std::string disposition;
  std::string content_id;
  PartNote note;
};

std::string outbound_name(const Attachment& attachment, const std::string& character_set,
                          bool plain) {
  const std::string& wanted =
      attachment.original_name.empty() ? attachment.name : attachment.original_name;
  std::string name = postoffice::to_utf8(wanted, character_set);
  if (plain) name = postoffice::from_utf8(name, "US-ASCII");
  return postoffice::safe_file_name(name, "attachment");
}

OutboundParts::Description OutboundParts::describe(const Attachment& attachment,
                                                   std::string_view beginning) const {
  Description result;
  result.name = outbound_name(attachment, character_set_, false);
  result.note = note_of(attachment, character_set_);
  if (result.note.name == result.name) result.note.name.clear();
  const std::string written = postoffice::to_utf8(attachment.content_type, character_set_);
  result.type = parse_content_type(&written);
  if (result.type.is_default || result.type.str().size() > longest_type) {
    const std::string found(media_type_of(result.name, beginning));
    result.type = parse_content_type(&found);
  }
  result.charset = postoffice::to_utf8(attachment.character_set, character_set_);
  if (result.charset.empty()) result.charset = result.type.parsed.parameter("charset");
  if (!is_label(result.charset)) result.charset.clear();
  // Readers take one that they do not know for "attachment" (RFC 2183, 2.8).
  const bool has_disposition =
      is_mime_token(attachment.disposition) && is_label(attachment.disposition);
  result.disposition = has_disposition ? ascii_lower(attachment.disposition) : "attachment";
  if (is_content_id(attachment.content_id)) result.content_id = attachment.content_id;
  return result;
}

/// The next octets of the open section, as many as the buffer takes; empty at the end.
Expected<std::string_view> OutboundParts::next_piece() {
  buffer_.resize(piece_size);
  std::size_t filled = 0;
  while (filled < buffer_.size()) {
    const auto count = reader_.read(std::span(buffer_).subspan(filled));
    if (!count) return failure(count.error().outcome());
    if (*count == 0) break;
    filled += *count;
  }
  return std::string_view(buffer_.data(), filled);
}

Expected<void> OutboundParts::write(std::string_view octets) {
  if (auto written = sink_.write(octets); !written) return failure(written.error().outcome());
  return {};
}

Expected<void> OutboundParts::write_fields(const Description& description,
                                           std::string_view encoding) {
  std::vector<std::string> type_parameters;
  const auto add = [](std::vector<std::string>& all, std::string_view name,
                      std::string_view value) {
    for (std::string& piece : encode_parameter(name, value)) all.push_back(std::move(piece));
  };
  if (!description.charset.empty()) add(type_parameters, "charset", description.charset);
  for (const auto& [name, value] : description.type.parsed.parameters) {
    const bool is_ours = name == "charset" || name == "name" || name == "boundary";
    if (!is_ours && is_mime_token(name) && name.size() <= 40 &&
        name.find_first_of("*'%") == std::string::npos) {
      add(type_parameters, name, value);
    }
  }
  add(type_parameters, "name", description.name);
  std::string fields;
  write_parameterized(fields, "Content-Type", description.type.str(), type_parameters);
  fields += "Content-Transfer-Encoding: " + std::string(encoding) + "\r\n";
  write_parameterized(fields, "Content-Disposition", description.disposition,
                      encode_parameter("filename", description.name));
  if (!description.content_id.empty()) {
    fields += "Content-ID: <" + description.content_id + ">\r\n";
  }
  write_part_note(fields, description.note);
  return write(fields + "\r\n");
}

Expected<bool> OutboundParts::write_base64(std::string_view first) {
  Base64Encoder encoder;
  for (std::string_view piece = first; !piece.empty();) {
    encoded_.clear();
    encoder.feed(piece, encoded_);
    if (auto written = write(encoded_); !written) return failure(written.error());
    auto next = next_piece();
    if (!next) return failure(next.error());
    piece = *next;
  }
  encoded_.clear();
  encoder.finish(encoded_);
  if (auto written = write(encoded_); !written) return failure(written.error());
  return !first.empty();
}

Expected<bool> OutboundParts::write_enclosed(Description description, std::string_view first) {
  SevenBitTest test(boundary_, false);
  SevenBitTest lf_test(boundary_, true);
  Spool octets(place_);
  for (std::string_view piece = first; !piece.empty();) {
    test.feed(piece);
    lf_test.feed(piece);
    if (auto kept = octets.write(piece); !kept) return failure(kept.error().outcome());
    auto next = next_piece();
    if (!next) return failure(next.error());
    piece = *next;
  }
  if (test.fits() && description.type.type == "message") {
    if (auto written = write_fields(description, "7bit"); !written) {
      return failure(written.error());
    }
    if (auto copied = octets.copy_to(sink_); !copied) return failure(copied.error().outcome());
    return false;  // its last line end, if it has one, is its own
  }
  if (lf_test.fits() && is_report(description.type)) return write_lines(description, octets);
  description.note.type = description.type.str();
  const std::string opaque(unknown_media_type);
  description.type = parse_content_type(&opaque);
  description.charset.clear();
  if (auto written = write_fields(description, "base64"); !written) return failure(written.error());
  Base64Encoder encoder;
  std::optional<Outcome> trouble;
  auto read = octets.for_each_piece(piece_size, [&](std::string_view piece) {
    encoded_.clear();
    encoder.feed(piece, encoded_);
    if (auto written = write(encoded_); !written) trouble = written.error();
    return !trouble;
  });
  if (!read) return failure(read.error().outcome());
  if (trouble) return failure(*trouble);
  encoded_.clear();
  encoder.finish(encoded_);
  if (auto written = write(encoded_); !written) return failure(written.error());
  return octets.size() > 0;
}

/// 7bit, each LF as CR LF.
Expected<bool> OutboundParts::write_lines(const Description& description, Spool& octets) {
  if (auto written = write_fields(description, "7bit"); !written) return failure(written.error());
  std::optional<Outcome> trouble;
  CrlfNormalizer normalizer;
  auto read = octets.for_each_piece(piece_size, [&](std::string_view piece) {
    if (auto written = write(normalizer.feed(piece)); !written) trouble = written.error();
    return !trouble;
  });
  if (!read) return failure(read.error().outcome());
  if (trouble) return failure(*trouble);
  return false;
}

Expected<bool> OutboundParts::write_part(const Attachment& attachment) {
  auto first = next_piece();
  if (!first) return failure(first.error());
  const Description description = describe(attachment, first->substr(0, media_type_sample));
  if (is_composite(description.type)) return write_enclosed(description, *first);
  if (auto written = write_fields(description, "base64"); !written) return failure(written.error());
  return write_base64(*first);
}

Expected<void> OutboundParts::write_uuencoded(const std::string& name) {
  UuencodeEncoder encoder;
  if (auto written = write(UuencodeEncoder::begin_line(name)); !written) return written;
  for (;;) {
    auto piece = next_piece();
    if (!piece) return failure(piece.error());
    encoded_.clear();
    if (piece->empty()) break;
    encoder.feed(*piece, encoded_);
    if (auto written = write(encoded_); !written) return written;
  }
  encoder.finish(encoded_);
  return write(encoded_);
}

}  // namespace smtpgate::converter
