// The assembler's leaves: see inbound_assembler.h. Every octet of a leaf goes through its transfer
// decoder; text goes on through a TextLeaf and a TextSegment. An attachment's octets are only
// counted: where they stand is remembered. An HTML body goes both ways.
#include <algorithm>
#include <utility>

#include "converter/inbound_assembler.h"
#include "converter/inbound_assembler_state.h"
#include "converter/mail_charset.h"
#include "converter/message_fragment.h"
#include "converter/text_copy_expansion.h"
#include "postoffice/character_set.h"

namespace smtpgate::converter {

using postoffice::Attachment;

namespace {

constexpr std::size_t most_missing = 20;  // sentences

bool skips_what_it_is_not(TransferEncoding encoding) {
  return encoding == TransferEncoding::base64 || encoding == TransferEncoding::file_in_text;
}

bool shows_its_texts(std::string_view multipart) {
  return multipart == "mixed" || multipart == "related" || multipart == "alternative" ||
         multipart == "signed";
}

/// A text in UTF-16 or UTF-32 that is not transfer-encoded. On its way each octet of the value of
/// LF came to be CR LF, whatever it meant: it is that octet again.
bool has_wide_octets(const ContentType& type, TransferEncoding encoding) {
  if (type.type != "text") return false;
  if (encoding == TransferEncoding::base64 || encoding == TransferEncoding::quoted_printable ||
      encoding == TransferEncoding::file_in_text) {
    return false;
  }
  const std::string_view label = type.parsed.parameter("charset");
  return !label.empty() && postoffice::unit_octets(charset_for_label(label).set) > 1;
}

}  // namespace

void InboundAssembler::begin_leaf(const EntityStart& entity, const PartDescription& description,
                                  bool in_body) {
  Leaf& leaf = open_.back()->leaf.emplace();
  const ContentType& type = entity.content_type;
  const HeaderField* field = entity.header.find("Content-Transfer-Encoding");
  TransferEncoding encoding =
      field == nullptr ? TransferEncoding::seven_bit : parse_transfer_encoding(field->value);
  const bool is_wide = has_wide_octets(type, encoding);
  if (is_wide && encoding == TransferEncoding::binary) encoding = TransferEncoding::eight_bit;
  leaf.labelled_encoding = encoding;
  leaf.unknown_encoding = encoding == TransferEncoding::unknown;
  leaf.use = use_of_leaf(type, description, in_body);
  // It is a file, with a name of its own.
  if (encoding == TransferEncoding::file_in_text) leaf.use = LeafUse::attachment;
  Multipart* alternative = nearest_alternative();
  if (leaf.use == LeafUse::text && alternative != nullptr && alternative->has_plain_text) {
    leaf.use = LeafUse::attachment;
  }
  if (type.type == "multipart") mark("boundary-missing");
  if (leaf.use == LeafUse::text && description.odd) mark("parameters-odd");
  leaf.is_of_report = report_ && entity.depth == 1 && report_->begin_part(type);

  const std::string_view charset = type.parsed.parameter("charset");
  leaf.charset = charset;
  leaf.has_name = !description.name.empty();
  if (leaf.use == LeafUse::text) {
    leaf.rendered_into = &text_;
    begin_text(entity, !description.note.is_text);
  } else if (leaf.use == LeafUse::html && renders_html()) {
    if (alternative != nullptr) {
      if (!alternative->html_text) alternative->html_text = std::make_unique<Spool>(place_);
      leaf.rendered_into = alternative->html_text.get();
    } else {
      leaf.rendered_into = &text_;
    }
  }
  if (leaf.rendered_into != nullptr) {
    leaf.segment = std::make_unique<TextSegment>(charset, target_.character_set, target_.line_end,
                                                 leaf.use == LeafUse::html);
  }
  const bool as_on_the_wire = leaf.use == LeafUse::text || keeps_wire_line_ends(type);
  const postoffice::LineEnd line_end = is_wide          ? postoffice::LineEnd::lf
                                       : as_on_the_wire ? postoffice::LineEnd::crlf
                                                        : target_.line_end;
  const bool is_text = leaf.segment || type.type == "text" || type.type == "message";
  leaf.range = {entity.body_offset, 0, encoding, line_end, is_text};
  const std::string_view line_end_octets = postoffice::line_end_octets(line_end);
  leaf.decoder = is_text ? make_text_decoder(leaf.range.encoding, line_end_octets)
                         : make_transfer_decoder(encoding, line_end_octets);
  if (leaf.use != LeafUse::text) {
    leaf.is_attachment = true;
    begin_attachment(type, description, leaf.use == LeafUse::html);
    leaf.attachment = list_.size() - 1;
    leaf.reserved = contents_.reserve_range();
    if (leaf.unknown_encoding) list_.back().odd.emplace_back("encoding-unknown");
    if (leaf.use == LeafUse::attachment) begin_expansion(leaf, type, description);
  } else if (leaf.unknown_encoding) {
    mark("encoding-unknown");
  }
}

// What is inside stands behind the container, whose octets are known only at its end.
void InboundAssembler::begin_expansion(Leaf& leaf, const ContentType& type,
                                       const PartDescription& description) {
  // What was inside came beside it.
  if (description.note.is_expanded) {
    list_[leaf.attachment].odd.emplace_back("expanded");
    return;
  }
  const std::string& name = list_[leaf.attachment].name;
  const ExpansionContext context{target_,   settings_.containers, place_,
                                 embedded_, substitute_,          name};
  const bool is_named_late = leaf.range.encoding == TransferEncoding::file_in_text;
  leaf.expansion = make_leaf_expansion(type, description, context, is_named_late);
  if (leaf.expansion) embedded_.set_source(name);
  if (is_named_late) {
    leaf.late_tnef = std::make_unique<LateTnef>(list_, place_);
    leaf.late_tnef->begin();
  } else if (!leaf.expansion && !has_plain_text_ && substitute_.is_free() &&
             may_stand_for_text(type, description)) {
    leaf.expansion = std::make_unique<TextCopyExpansion>(context, type);
  }
}

/// Its sender shows it with the message, or would if programs agreed about names.
bool InboundAssembler::may_stand_for_text(const ContentType& type,
                                          const PartDescription& description) const {
  const bool is_text = type.is("text", "plain") || type.is("text", "html");
  if (!is_text || description.disposition == "attachment" || !description.note.from.empty()) {
    return false;
  }
  return std::all_of(open_.begin(), open_.end(), [](const std::unique_ptr<OpenEntity>& entity) {
    return !entity->multipart || shows_its_texts(entity->multipart->subtype);
  });
}

void InboundAssembler::begin_text(const EntityStart& entity, bool finds_files) {
  const TextLeafRules rules{.line_end = std::string(postoffice::line_end_octets(target_.line_end)),
                            .most_files = embedded_.files_left(),
                            .finds_files = finds_files,
                            .joins_flowed = settings_.joins_flowed};
  Leaf& leaf = *open_.back()->leaf;
  leaf.late_tnef = std::make_unique<LateTnef>(list_, place_);
  leaf.files = std::make_unique<TnefInText>(embedded_, list_, *leaf.late_tnef);
  leaf.text = std::make_unique<TextLeaf>(
      entity.content_type, entity.depth == 0 ? &entity.header : nullptr, rules, *leaf.files);
  if (!text_format_) text_format_ = leaf.text->format();
}

void InboundAssembler::begin_attachment(const ContentType& type, const PartDescription& description,
                                        bool is_body) {
  Attachment attachment;
  const std::string fallback = default_attachment_name(type, list_.size() + 1, is_body);
  attachment.name = names_.take(description.name, fallback);
  if (description.name != attachment.name) {
    attachment.original_name = names_.in_set(description.name);
  }
  attachment.content_type =
      names_.in_set(description.note.type.empty() ? type.str() : description.note.type);
  attachment.disposition = names_.in_set(description.disposition);
  attachment.character_set = names_.in_set(type.parsed.parameter("charset"));
  attachment.content_id = names_.in_set(description.content_id);
  if (description.odd) attachment.odd.emplace_back("parameters-odd");
  if (!description.note.from.empty()) {
    attachment.odd.push_back("from:" + names_.in_set(description.note.from));
  }
  if (auto fragment = describe_fragment(type)) {
    attachment.odd.push_back(std::move(fragment->mark));
    if (missing_.size() < most_missing) missing_.push_back(std::move(fragment->sentence));
  }
  list_.push_back(std::move(attachment));
}

void InboundAssembler::body(std::string_view piece) {
  if (error_ || open_.empty() || !open_.back()->leaf) return;
  Leaf& leaf = *open_.back()->leaf;
  leaf.range.size += piece.size();
  if (!leaf.is_of_report && !leaf.expansion && !leaf.segment && !leaf.late_tnef) {
    leaf.decoded_size += leaf.decoder->count(piece, scratch_);
    return;
  }
  const std::string_view decoded = leaf.decoder->decoded(piece, scratch_);
  leaf.decoded_size += decoded.size();
  if (leaf.is_of_report) report_->feed(decoded);
  if (leaf.late_tnef && leaf.is_attachment) leaf.late_tnef->feed(decoded);
  if (leaf.expansion) {
    leaf.expansion->feed(decoded);
    if (leaf.expansion->is_over()) {
      leaf.expansion.reset();
      embedded_.set_source({});
    }
  }
  if (leaf.segment) {
    std::string ready;
    leaf.segment->feed(leaf.text ? leaf.text->feed(decoded) : decoded, ready);
    write(*leaf.rendered_into, ready);
  }
  if (embedded_.error()) error_ = embedded_.error();
}

void InboundAssembler::end_leaf(Leaf& leaf, bool closed) {
  scratch_.clear();
  leaf.decoder->finish(scratch_);
  leaf.decoded_size += scratch_.size();
  if (leaf.is_of_report) {
    report_->feed(scratch_);
    report_->end_part();
  }
  if (leaf.is_attachment) {
    end_attachment(leaf, closed);
  } else if (leaf.decoder->errors() > 0) {
    mark("encoding-errors:" + std::to_string(leaf.decoder->errors()));
  }
  const bool is_no_base64 = leaf.labelled_encoding == TransferEncoding::base64 &&
                            leaf.range.encoding != TransferEncoding::base64;
  if (is_no_base64 && leaf.is_attachment) {
    list_[leaf.attachment].odd.emplace_back("encoding-wrong");
  } else if (is_no_base64) {
    mark("encoding-wrong");
  }
  if (skips_what_it_is_not(leaf.range.encoding) && leaf.decoder->errors() > 0) {
    keep_as_encoded(leaf);
  }
  if (!leaf.segment) return;
  std::string ready;
  if (leaf.text) {
    leaf.segment->feed(leaf.text->feed(scratch_), ready);
    leaf.segment->feed(leaf.text->finish(), ready);
  } else {
    leaf.segment->feed(scratch_, ready);
  }
  leaf.segment->finish(ready);
  write(*leaf.rendered_into, ready);
  if (embedded_.error()) error_ = embedded_.error();
  if (leaf.segment->guessed()) mark("charset-guessed");
  if (leaf.segment->replaced() > 0) {
    mark("characters-replaced:" + std::to_string(leaf.segment->replaced()));
  }
  if (leaf.use == LeafUse::text && leaf.segment->has_content()) {
    has_plain_text_ = true;
    for (const std::unique_ptr<OpenEntity>& entity : open_) {
      if (entity->multipart) entity->multipart->has_text_in_child = true;
    }
  }
  if (leaf.text) end_text(leaf);
}

void InboundAssembler::end_attachment(Leaf& leaf, bool closed) {
  const TransferDecoder& decoder = *leaf.decoder;
  if (leaf.expansion) end_expansion(leaf);
  Attachment& attachment = list_[leaf.attachment];
  const EncodedRange as_sent{.offset = leaf.range.offset, .size = leaf.range.size};
  if (decoder.found_nothing()) {
    leaf.range = as_sent;
    leaf.decoded_size = as_sent.size;
    attachment.odd.emplace_back("encoding-unknown");
  }
  contents_.fill_range(leaf.reserved, leaf.range, leaf.decoded_size);
  attachment.size = leaf.decoded_size;
  for (std::string& odd : decoder.marks()) attachment.odd.push_back(std::move(odd));
  if (decoder.errors() > 0 && !decoder.found_nothing()) {
    attachment.odd.push_back("encoding-errors:" + std::to_string(decoder.errors()));
  }
  if (!closed) attachment.odd.emplace_back("not-closed");
  if (!leaf.has_name && !decoder.found_name().empty()) {
    embedded_.rename(leaf.attachment, decoder.found_name());
  }
  if (!leaf.late_tnef) return;
  leaf.late_tnef->feed(scratch_);
  leaf.late_tnef->end(leaf.attachment);
  expand_late_tnef(leaf);
}

void InboundAssembler::end_expansion(Leaf& leaf) {
  leaf.expansion->feed(scratch_);
  leaf.expansion->finish();
  embedded_.set_source({});
  if (leaf.expansion->error()) error_ = leaf.expansion->error();
  if (embedded_.error()) error_ = embedded_.error();
  Attachment& attachment = list_[leaf.attachment];
  for (std::string& one : leaf.expansion->marks()) attachment.odd.push_back(std::move(one));

  const bool in_apple_double = !open_.empty() && open_.back()->multipart &&
                               open_.back()->multipart->subtype == "appledouble";
  const std::string real_name = leaf.expansion->real_name();
  if (!in_apple_double || real_name.empty()) return;
  open_.back()->multipart->real_name = real_name;
  if (!leaf.has_name) {
    attachment.name = names_.take(real_name + std::string(apple_double_extension), attachment.name);
  }
}

void InboundAssembler::expand_late_tnef(Leaf& leaf) {
  leaf.late_tnef->expand({target_, settings_.containers, place_, embedded_, substitute_, {}},
                         embedded_);
  if (leaf.late_tnef->error()) error_ = leaf.late_tnef->error();
  if (embedded_.error()) error_ = embedded_.error();
}

void InboundAssembler::end_text(Leaf& leaf) {
  if (leaf.text->limit_reached()) mark("limit:embedded-files");
  embedded_.rename_last(leaf.text->names());
  expand_late_tnef(leaf);
  // What is no character of its set is lost in the text.
  if (!leaf.text->is_changed() && leaf.segment->undecodable() == 0) return;
  contents_.add_range(leaf.range, leaf.decoded_size);
  attach(leaf.decoded_size, "text-as-sent.txt", "text/plain", "text-as-sent");
  list_.back().character_set = names_.in_set(leaf.charset);
}

/// What is none of the encoding's was skipped: perhaps it was meant for somebody.
void InboundAssembler::keep_as_encoded(const Leaf& leaf) {
  const std::string name =
      leaf.is_attachment ? postoffice::to_utf8(list_[leaf.attachment].name, target_.character_set)
                         : "text";
  const bool is_base64 = leaf.range.encoding == TransferEncoding::base64;
  contents_.add_range({.offset = leaf.range.offset, .size = leaf.range.size}, leaf.range.size);
  attach(leaf.range.size, name + (is_base64 ? ".base64" : ".encoded"), "application/octet-stream",
         "as-encoded");
}

}  // namespace smtpgate::converter
