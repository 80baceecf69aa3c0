// convert_inbound(): one pass over the raw message through parser, assembler and content key, then
// the header. See the header file.
#include "converter/inbound.h"

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include "converter/content_key.h"
#include "converter/header_translation.h"
#include "converter/inbound_assembler.h"
#include "converter/raw_header.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/mmff_writer.h"

namespace smtpgate::converter {

using postoffice::FileError;
using postoffice::FileResult;
using postoffice::MessageHeader;
namespace ext = postoffice::ext;

namespace {

// Between header lines and text: clients know exactly 78 dashes (Q112912).
const std::string separator(78, '-');

std::string_view reason(LimitBroken limit) {
  switch (limit) {
    case LimitBroken::depth:
      return "its parts are nested too deep";
    case LimitBroken::parts:
      return "it has too many parts";
    case LimitBroken::header_octets:
      return "its header is too large";
    case LimitBroken::header_fields:
      return "its header has too many fields";
    case LimitBroken::none:
      break;
  }
  return "a limit was broken";
}

std::string_view mark_of(LimitBroken limit) {
  switch (limit) {
    case LimitBroken::depth:
      return "limit:depth";
    case LimitBroken::parts:
      return "limit:parts";
    case LimitBroken::header_octets:
      return "limit:header-octets";
    case LimitBroken::header_fields:
      return "limit:header-fields";
    case LimitBroken::none:
      break;
  }
  return "limit";
}

// Finds the octets after the first empty line, in pieces; for the content key only.
class BodyOctets {
 public:
  std::string_view of(std::string_view piece) {
    if (found_) return piece;
    for (std::size_t i = 0; i < piece.size(); ++i) {
      const char c = piece[i];
      // "CR CR LF" is no empty line, here as in the parser.
      if (c == '\r' && after_cr_) empty_line_ = false;
      if (c == '\n' && after_cr_) {
        if (empty_line_) {
          found_ = true;
          return piece.substr(i + 1);
        }
        empty_line_ = true;
        after_cr_ = false;
        // Header lines are short; the next line end is found by the library.
        continue;
      }
      after_cr_ = c == '\r';
      if (!after_cr_) {
        empty_line_ = false;
        const std::size_t end = piece.find('\r', i);
        if (end == std::string_view::npos) return {};
        i = end - 1;
      }
    }
    return {};
  }
  bool found() const { return found_; }

 private:
  bool found_ = false;
  bool empty_line_ = true;  // nothing stands on the first line yet
  bool after_cr_ = false;
};

Outcome disk_trouble(const FileError& error) {
  return error.outcome();
}

// Strings of the model go to the postoffice's set at the end, in one place.
void to_target_set(MessageHeader& header, std::string_view set, std::uint64_t& replaced) {
  const bool is_utf8 = equals_ignoring_case(set, "UTF-8");
  const auto convert = [&](std::string& text) {
    if (!is_utf8 || !is_ascii(text)) text = postoffice::from_utf8(text, set, &replaced);
  };
  const auto convert_address = [&](postoffice::TypedAddress& address) {
    convert(address.address);
    convert(address.name);
  };
  convert_address(header.from);
  std::for_each(header.to.begin(), header.to.end(), convert_address);
  std::for_each(header.cc.begin(), header.cc.end(), convert_address);
  convert(header.subject);
  for (postoffice::ExtendedField& field : header.fields) convert(field.value);
}

TargetFormat with_file_set(TargetFormat target) {
  if (!postoffice::is_file_character_set(target.character_set)) target.character_set = "UTF-8";
  return target;
}

class Conversion {
 public:
  Conversion(RawMessage& raw, const Envelope& envelope, const AddressMap& map,
             const TargetFormat& target, const InboundSettings& settings, const SpoolPlace& place)
      : raw_(raw),
        envelope_(envelope),
        map_(map),
        target_(with_file_set(target)),
        settings_(settings),
        result_(place),
        time_limit_(settings.longest_time, settings.clock),
        place_(with_time_limit(place, time_limit_)),
        assembler_(target_, settings, place_, result_.text, result_.attachments) {}

  Expected<ConvertedMessage> run() {
    MimeParser parser(assembler_, settings_.limits);
    ContentKey key;
    key.add_sender(envelope_.sender);
    BodyOctets body;
    bool keyed_header = false;
    auto read = for_each_slice([&](std::string_view piece) {
      if (!is_late()) parser.feed(piece);
      const std::string_view body_octets = body.of(piece);
      if (!keyed_header && body.found() && assembler_.has_header()) {
        key.add_header(assembler_.header());
        keyed_header = true;
      }
      // Whole in any case: the same message comes by the other door in less time perhaps.
      key.add_body(body_octets);
      return !assembler_.error() || time_limit_.was_over();
    });
    if (read && !is_late()) parser.finish();
    if (!read) return failure(disk_trouble(read.error()));
    if (time_limit_.was_over()) {
      keep_whole("limit:seconds", "it took longer than " +
                                      std::to_string(settings_.longest_time.count()) + " seconds");
    } else if (const LimitBroken limit = parser.limit_broken();
               limit != LimitBroken::none && !assembler_.error()) {
      keep_whole(mark_of(limit), reason(limit));
    }
    if (assembler_.error()) return failure(disk_trouble(*assembler_.error()));
    // Where the header is not known whole, every octet counts.
    const bool whole =
        !assembler_.has_header() || assembler_.header_is_cut() || (body.found() && !keyed_header);
    if (!whole && !keyed_header) key.add_header(assembler_.header());
    if (whole) {
      auto hashed = key_of_everything();
      if (!hashed) return failure(disk_trouble(hashed.error()));
    } else {
      result_.content_key = key.finish();
    }
    describe();
    return std::move(result_);
  }

 private:
  static SpoolPlace with_time_limit(SpoolPlace place, TimeLimit& limit) {
    place.time_limit = &limit;
    return place;
  }

  /// The time is over. Not before the header is known, which is bounded by other limits: the
  /// content key is made of it.
  bool is_late() { return assembler_.has_header() && time_limit_.is_over(); }

  /// The raw message in slices of at most spool_piece, wherever it lies, until `take` says false.
  template <typename Take>
  FileResult<void> for_each_slice(Take take) {
    return raw_.content().for_each_piece(spool_piece, [&](std::string_view piece) {
      while (piece.size() > spool_piece) {
        if (!take(piece.substr(0, spool_piece))) return false;
        piece.remove_prefix(spool_piece);
      }
      return take(piece);
    });
  }

  void keep_whole(std::string_view limit_mark, std::string_view why) {
    marks_.emplace_back(limit_mark);
    assembler_.keep_whole(raw_.content(), why);
  }

  FileResult<void> key_of_everything() {
    ContentKey key;
    key.add_sender(envelope_.sender);
    key.add_header(HeaderFields());
    auto read = raw_.content().for_each_piece(spool_piece, [&](std::string_view piece) {
      key.add_body(piece);
      return true;
    });
    result_.content_key = key.finish();
    return read;
  }

  void describe() {
    const auto& fields = assembler_.header().all();
    const bool is_ascii_alone = std::all_of(
        fields.begin(), fields.end(), [](const HeaderField& field) { return is_ascii(field.value); });
    TranslatedHeader translated = translate_header(
        is_ascii_alone ? assembler_.header()
                       : raw_values_in_utf8(assembler_.header(), assembler_.raw_charset()),
        envelope_, map_, target_, settings_);
    MessageHeader& header = result_.header;
    header = std::move(translated.message);
    header.add_field(ext::character_set, target_.character_set);
    header.add_field(ext::content_key, result_.content_key);
    add_report(header);
    if (const std::string format = assembler_.text_format(); !format.empty()) {
      header.add_field(ext::text_format, format);
    }
    render_lines(translated.text_lines);
    result_.rendered_header += assembler_.text_top();
    to_target_set(header, target_.character_set, replaced_);
    if (replaced_ > 0) {
      header.add_field(ext::odd, "header-characters-replaced:" + std::to_string(replaced_));
    }
    for (const std::string& mark : marks_) header.add_field(ext::odd, mark);
    for (const std::string& mark : assembler_.marks()) header.add_field(ext::odd, mark);
    if (translated.odd) header.add_field(ext::odd, "header-forgiven");
    header.attachments = std::move(assembler_.attachments());
    header.text_size = result_.rendered_header.size() + result_.text.size();
  }

  void add_report(MessageHeader& header) {
    Report report = assembler_.take_report();
    if (report.kind.empty()) return;
    header.add_field(ext::report_kind, std::move(report.kind));
    if (!report.message_id.empty()) {
      header.add_field(ext::report_for, std::move(report.message_id));
    }
    if (!report.envelope_id.empty()) {
      header.add_field(ext::report_id, std::move(report.envelope_id));
    }
    for (std::string& one : report.recipients) {
      header.add_field(ext::report_recipient, std::move(one));
    }
  }

  void render_lines(const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    const std::string_view end = postoffice::line_end_octets(target_.line_end);
    std::string& out = result_.rendered_header;
    for (const std::string& line : lines) {
      std::string there = postoffice::from_utf8(line, target_.character_set, &replaced_);
      // Nothing that the encoder puts for a character may end the line: HEADLEN counts them.
      std::replace_if(
          there.begin(), there.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
      out += there;
      out += end;
    }
    out += separator;
    out += end;
    result_.header.header_lines = lines.size() + 1;
  }

  RawMessage& raw_;
  const Envelope& envelope_;
  const AddressMap& map_;
  TargetFormat target_;
  const InboundSettings& settings_;
  ConvertedMessage result_;  ///< outlives the limit, so its place knows nothing of it
  TimeLimit time_limit_;
  SpoolPlace place_;
  InboundAssembler assembler_;
  std::vector<std::string> marks_;
  std::uint64_t replaced_ = 0;  ///< characters of the header that the set lacks
};

}  // namespace

RawMessage::RawMessage(SpoolPlace place) : content_(std::move(place)) {}

FileResult<void> RawMessage::feed(std::string_view piece) {
  return content_.write(normalizer_.feed(piece));
}

FileResult<void> ConvertedMessage::write_to(RawMessage& raw, postoffice::File& file,
                                            postoffice::LineEnd line_end) {
  std::string start = postoffice::render_header(header, line_end);
  // A short text goes with the header, in one write.
  const bool is_short = text.size() <= spool_piece;
  start.reserve(start.size() + rendered_header.size() + (is_short ? text.size() : 0));
  start += rendered_header;
  if (is_short) {
    auto read = text.for_each_piece(spool_piece, [&](std::string_view piece) {
      start += piece;
      return true;
    });
    if (!read) return read;
  }
  if (auto written = file.write(start); !written) return written;
  if (!is_short) {
    if (auto written = text.copy_to(file); !written) return written;
  }
  return attachments.copy_to(raw.content(), file);
}

Expected<ConvertedMessage> convert_inbound(RawMessage& raw, const Envelope& envelope,
                                           const AddressMap& map, const TargetFormat& target,
                                           const InboundSettings& settings,
                                           const SpoolPlace& place) {
  try {
    Conversion conversion(raw, envelope, map, target, settings, place);
    return conversion.run();
  } catch (const std::bad_alloc&) {
    return failure(
        Outcome::temporary("not enough memory to convert the message; free memory or "
                           "lower the limits of [converter]"));
  }
}

}  // namespace smtpgate::converter
