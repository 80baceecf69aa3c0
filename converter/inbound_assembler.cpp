// The assembler's multiparts, and what belongs to no part: see the header. Leaves are in
// inbound_leaf.cpp.
#include "converter/inbound_assembler.h"

#include <algorithm>
#include <array>
#include <utility>

#include "converter/blind_field_filter.h"
#include "converter/inbound_assembler_state.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

using postoffice::Attachment;

namespace {

constexpr std::size_t copy_piece = std::size_t{256} << 10;
constexpr std::size_t most_notice = 1000;  // octets

// What mail programs write before the first part for readers without MIME: says nothing of its own.
bool is_notice_for_old_readers(Spool& octets) {
  if (octets.size() > most_notice) return false;
  std::string text;
  postoffice::StringSink sink(text);
  if (!octets.copy_to(sink)) return false;
  const std::string lower = ascii_lower(text);
  constexpr auto phrases = std::to_array<std::string_view>(
      {"mime format",       "mime-format",        "mime message",   "mime-message",
       "mime multipart",    "mime multi-part",    "multipart mime", "multi-part mime",
       "multipart message", "multi-part message", "s/mime",         "pgp/mime",
       "mime-aware",        "mime aware",         "mime-compliant", "mime compliant",
       "mime-encapsulated", "mime encapsulated",  "mime-encoded",   "mime encoded",
       "mime-nachricht",    "format mime",        "formato mime"});
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) {
    return lower.find(phrase) != std::string::npos;
  });
}

bool holds_only_blanks(Spool& octets) {
  bool blank = true;
  auto looked = octets.for_each_piece(copy_piece, [&](std::string_view piece) {
    blank = trim(piece).empty();
    return blank;
  });
  return looked.has_value() && blank;
}

}  // namespace

InboundAssembler::InboundAssembler(const TargetFormat& target, const InboundSettings& settings,
                                   const SpoolPlace& place, Spool& text,
                                   AttachmentContents& attachments)
    : target_(target),
      settings_(settings),
      place_(place),
      text_(text),
      contents_(attachments),
      names_(target.character_set, settings.longest_name,
             target.short_attachment_names ? AttachmentNames::Form::short_8_3
                                           : settings.attachment_names),
      embedded_(contents_, list_, names_, settings.most_embedded_files),
      substitute_(place) {}

InboundAssembler::~InboundAssembler() = default;

void InboundAssembler::begin_entity(const EntityStart& entity) {
  if (entity.depth == 0) {
    header_ = entity.header;
    has_header_ = true;
    header_is_cut_ = entity.header_cut;
    add_stray_lines(entity.stray);
  }
  if (signed_ && signed_->depth == open_.size()) signed_->offset = entity.offset;
  if (entity.header_cut) mark("header-cut");
  if (entity.header_mended) mark("header-mended");
  if (entity.depth > 0 && !entity.stray.empty()) between(entity.stray, true);
  mark_doubled_fields(entity);
  PartDescription description = describe_part(entity, raw_charset(entity.content_type));
  bool in_body = true;
  if (!open_.empty() && open_.back()->multipart) {
    Multipart& parent = *open_.back()->multipart;
    parent.has_parts = true;
    in_body = parent.in_body && continues_body(parent.subtype, parent.start, entity, description);
    if (parent.subtype == "appledouble") {
      name_in_apple_double(entity.content_type, parent.real_name, description);
    }
  }
  auto opened = std::make_unique<OpenEntity>();
  if (entity.is_multipart) {
    Multipart multipart;
    multipart.subtype = entity.content_type.subtype;
    multipart.start = entity.content_type.parsed.parameter("start");
    multipart.in_body = in_body && description.disposition != "attachment";
    multipart.is_root = entity.depth == 0;
    if (multipart.is_root && ReportReader::may_be_report(entity.content_type)) {
      report_.emplace(entity.content_type);
    }
    opened->multipart = std::move(multipart);
    open_.push_back(std::move(opened));
    return;
  }
  open_.push_back(std::move(opened));
  begin_leaf(entity, description, in_body);
}

/// The first counts.
void InboundAssembler::mark_doubled_fields(const EntityStart& entity) {
  if (entity.header.find_all("Content-Type").size() > 1) mark("content-type-doubled");
  const auto encodings = entity.header.find_all("Content-Transfer-Encoding");
  if (encodings.size() > 1) mark("encoding-doubled");
  if (!entity.is_multipart || encodings.empty()) return;
  const TransferEncoding encoding = parse_transfer_encoding(encodings.front()->value);
  if (encoding == TransferEncoding::base64 || encoding == TransferEncoding::quoted_printable) {
    mark("encoding-on-multipart");
  }
}

/// Of octets in a header that nothing tells the set of: that of the part, of the message, or of the
/// first text that has one.
std::string_view InboundAssembler::raw_charset(const ContentType& type) {
  const std::string_view own = type.parsed.parameter("charset");
  if (raw_charset_.empty()) raw_charset_ = own;
  return own.empty() ? std::string_view(raw_charset_) : own;
}

/// To be shown among the header's lines: fields without a name.
void InboundAssembler::add_stray_lines(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = trim(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (!line.empty()) header_.add({{}, std::string(line)});
  }
}

void InboundAssembler::between(std::string_view piece, bool after_parts) {
  if (error_ || open_.empty() || !open_.back()->multipart) return;
  Multipart& multipart = *open_.back()->multipart;
  std::unique_ptr<Spool>& spool = after_parts ? multipart.after : multipart.before;
  if (!spool) spool = std::make_unique<Spool>(place_);
  write(*spool, piece);
}

void InboundAssembler::end_entity(bool closed) {
  if (open_.empty()) return;
  const std::unique_ptr<OpenEntity> ended = std::move(open_.back());
  open_.pop_back();
  if (error_) return;
  if (ended->leaf) end_leaf(*ended->leaf, closed);
  if (ended->multipart) end_multipart(*ended->multipart, closed);
  if (signed_ && open_.size() == signed_->depth) attach_signed_entity();
  // One child of an alternative says it all: the next one's text is another form of the same.
  if (!open_.empty() && open_.back()->multipart && open_.back()->multipart->has_text_in_child) {
    open_.back()->multipart->has_plain_text = true;
  }
  if (open_.empty()) end_message();
}

// Everything has come: what a container offers as the text is used, or not.
void InboundAssembler::end_message() {
  if (error_) return;
  auto finished = substitute_.finish(
      holds_only_blanks(text_), target_, [this](std::string_view text) { write_text(text); },
      [this](const std::string& source) -> EmbeddedFileHandler& {
        embedded_.set_source(source);
        return embedded_;
      });
  if (!finished) error_ = finished.error();
  if (embedded_.error()) error_ = embedded_.error();
  if (embedded_.limit_reached()) mark("limit:embedded-files");
  if (missing_.empty() || !holds_only_blanks(text_)) return;
  for (const std::string& sentence : missing_) {
    write_text(names_.in_set(sentence));
    write_text(postoffice::line_end_octets(target_.line_end));
  }
}

void InboundAssembler::end_multipart(Multipart& multipart, bool closed) {
  if (!closed) mark("not-closed");
  if (multipart.html_text && !multipart.has_plain_text && !multipart.has_text_in_child) {
    auto copied = multipart.html_text->copy_to(static_cast<postoffice::ByteSink&>(text_));
    if (!copied) error_ = copied.error();
  }
  if (!multipart.has_parts) mark("boundary-not-found");
  if (multipart.before && multipart.has_parts && is_notice_for_old_readers(*multipart.before)) {
    multipart.before.reset();
  }
  if (multipart.before) keep_between(*multipart.before, !multipart.has_parts, multipart.in_body);
  if (multipart.after) keep_between(*multipart.after, false, multipart.in_body);
}

// Octets outside all parts. Where the boundary never came they are the body; otherwise they are
// kept as an attachment unless they are blank or the usual notice.
void InboundAssembler::keep_between(Spool& octets, bool is_the_body, bool in_body) {
  if (holds_only_blanks(octets)) return;
  if (is_the_body && in_body) {
    TextSegment segment("", target_.character_set, target_.line_end, false);
    std::string ready;
    auto copied = octets.for_each_piece(copy_piece, [&](std::string_view piece) {
      ready.clear();
      segment.feed(piece, ready);
      write_text(ready);
      return !error_;
    });
    if (!copied) error_ = copied.error();
    ready.clear();
    segment.finish(ready);
    write_text(ready);
    has_plain_text_ = true;
    return;
  }
  auto copied = octets.copy_to(static_cast<postoffice::ByteSink&>(contents_));
  if (!copied) error_ = copied.error();
  attach(octets.size(), "outside-parts.txt", "text/plain", "outside-parts");
}

bool InboundAssembler::wants_raw(unsigned child_index) {
  // A signed entity inside a signed entity is part of the outer one's octets already.
  if (signed_ || error_ || open_.empty() || !open_.back()->multipart) return false;
  if (open_.back()->multipart->subtype != "signed" || child_index != 0) return false;
  signed_ = SignedEntity{.depth = open_.size()};
  return true;
}

void InboundAssembler::raw(std::string_view piece) {
  if (signed_) signed_->size += piece.size();
}

void InboundAssembler::attach_signed_entity() {
  contents_.add_range({.offset = signed_->offset, .size = signed_->size}, signed_->size);
  attach(signed_->size, "signed-entity.mime", "application/octet-stream", "signed-entity");
  signed_.reset();
}

// For contents of `size` octets that were added by themselves.
void InboundAssembler::attach(std::uint64_t size, std::string name, std::string type,
                              std::string odd_mark) {
  Attachment attachment;
  attachment.name = names_.take(name, "part");
  attachment.content_type = std::move(type);
  attachment.disposition = "attachment";
  attachment.size = size;
  attachment.odd.push_back(std::move(odd_mark));
  list_.push_back(std::move(attachment));
}

// HTML is rendered while no plain text says it better; inside an alternative that is decided at its
// end.
bool InboundAssembler::renders_html() const {
  return !has_plain_text_;
}

InboundAssembler::Multipart* InboundAssembler::nearest_alternative() {
  for (auto entity = open_.rbegin(); entity != open_.rend(); ++entity) {
    if ((*entity)->multipart && (*entity)->multipart->subtype == "alternative") {
      return &*(*entity)->multipart;
    }
  }
  return nullptr;
}

void InboundAssembler::write(postoffice::ByteSink& sink, std::string_view data) {
  if (error_ || data.empty()) return;
  if (auto written = sink.write(data); !written) error_ = written.error();
}

// Each oddity once: a sender could repeat one for every part.
void InboundAssembler::mark(std::string text) {
  if (std::find(marks_.begin(), marks_.end(), text) == marks_.end() && marks_.size() < 100) {
    marks_.push_back(std::move(text));
  }
}

void InboundAssembler::keep_whole(Spool& raw, std::string_view reason) {
  error_.reset();
  open_.clear();
  signed_.reset();
  report_.reset();
  text_.clear();
  contents_.clear();
  list_.clear();
  names_.clear();
  substitute_.clear();
  text_format_.reset();
  const std::string_view end = postoffice::line_end_octets(target_.line_end);
  std::string note = "This message could not be taken apart: ";
  note += reason;
  note += ".";
  note += end;
  note += "It is attached whole, as it came, as message.eml.";
  note += end;
  write_text(note);
  BlindFieldFilter filter;
  std::uint64_t filtered = 0;
  auto copied = raw.for_each_piece(copy_piece, [&](std::string_view piece) {
    scratch_.clear();
    filter.feed(piece, scratch_);
    write(contents_, scratch_);
    filtered += piece.size();
    return !error_ && !filter.is_past_header();
  });
  if (!copied) error_ = copied.error();
  const std::uint64_t rest = raw.size() - filtered;
  if (rest > 0) contents_.add_range({.offset = filtered, .size = rest}, rest);
  attach(contents_.size(), "message.eml", "message/rfc822", "kept-whole");
}

}  // namespace smtpgate::converter
