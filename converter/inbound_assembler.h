// Turns the parser's events into the text and the attachments of one MMFF message: decodes each
// leaf and puts it where leaf_plan.h says. Keeps what belongs to no leaf (the text of a multipart
// whose boundary never comes) and signed entities as they came. Not for the header's tokens
// (header_translation.h) or for writing the file (inbound.h).
//
// A disk error stops all work; error() tells it at the end. One object, one message, one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/attachment_contents.h"
#include "converter/attachment_names.h"
#include "converter/embedded_attachments.h"
#include "converter/inbound.h"
#include "converter/leaf_expansion.h"
#include "converter/leaf_plan.h"
#include "converter/mime_parser.h"
#include "converter/report_reader.h"
#include "converter/spool.h"
#include "converter/substitute_text.h"
#include "converter/text_leaf.h"
#include "converter/text_segment.h"
#include "converter/transfer_decoder.h"

namespace smtpgate::converter {

class InboundAssembler : public EntityHandler {
 public:
  /// `text` and `attachments` receive the contents; all references outlive the assembler.
  InboundAssembler(const TargetFormat& target, const InboundSettings& settings,
                   const SpoolPlace& place, Spool& text, AttachmentContents& attachments);
  ~InboundAssembler() override;

  void begin_entity(const EntityStart& entity) override;
  void body(std::string_view piece) override;
  void between(std::string_view piece, bool after_parts) override;
  void end_entity(bool closed) override;
  bool wants_raw(unsigned child_index) override;
  void raw(std::string_view piece) override;

  /// Of the message itself; empty before its header was complete.
  const HeaderFields& header() const { return header_; }
  bool has_header() const { return has_header_; }
  /// The label of what is neither encoded nor UTF-8 in it; empty if nothing tells it.
  const std::string& raw_charset() const { return raw_charset_; }
  /// The header ran into the body without an empty line between them.
  bool header_is_cut() const { return header_is_cut_; }

  /// What is attached so far, names safe and unique, strings in the postoffice's character set.
  std::vector<postoffice::Attachment>& attachments() { return list_; }
  /// Of the first text part: the value of TEXT-FORMAT, or empty.
  std::string text_format() const { return text_format_.value_or(""); }
  /// What was odd about the message as a whole.
  const std::vector<std::string>& marks() const { return marks_; }
  const std::optional<postoffice::FileError>& error() const { return error_; }
  /// What the message says as a report about another; without a kind if it is none.
  Report take_report() { return report_ ? report_->finish() : Report(); }
  /// What stands on top of the text though it is no header line: a meeting's what, when and where.
  const std::string& text_top() const { return substitute_.top(); }

  /// Forgets text, attachments and errors, and attaches the whole raw message instead, with a text
  /// that says why (house rule 4).
  void keep_whole(Spool& raw, std::string_view reason);

 private:
  /// One that is kept raw too: where it stands in the raw message.
  struct SignedEntity {
    std::size_t depth = 0;  ///< open entities around it
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };
  struct Multipart;
  struct Leaf;
  struct OpenEntity;

  void mark_doubled_fields(const EntityStart& entity);
  void begin_leaf(const EntityStart& entity, const PartDescription& description, bool in_body);
  void begin_attachment(const ContentType& type, const PartDescription& description, bool is_body);
  void begin_expansion(Leaf& leaf, const ContentType& type, const PartDescription& description);
  bool may_stand_for_text(const ContentType& type, const PartDescription& description) const;
  void begin_text(const EntityStart& entity, bool finds_files);
  void end_leaf(Leaf& leaf, bool closed);
  void keep_as_encoded(const Leaf& leaf);
  void end_attachment(Leaf& leaf, bool closed);
  void end_expansion(Leaf& leaf);
  void end_text(Leaf& leaf);
  void expand_late_tnef(Leaf& leaf);
  void end_message();
  void end_multipart(Multipart& multipart, bool closed);
  void attach_signed_entity();
  std::string_view raw_charset(const ContentType& type);
  void add_stray_lines(std::string_view lines);
  void keep_between(Spool& octets, bool is_the_body, bool in_body);
  void attach(std::uint64_t size, std::string name, std::string type, std::string mark);
  bool renders_html() const;
  Multipart* nearest_alternative();
  void write(postoffice::ByteSink& sink, std::string_view data);
  void write_text(std::string_view data) { write(text_, data); }
  void mark(std::string text);

  const TargetFormat& target_;
  const InboundSettings& settings_;
  const SpoolPlace& place_;
  Spool& text_;
  AttachmentContents& contents_;
  HeaderFields header_;
  bool has_header_ = false;
  std::string raw_charset_;
  bool header_is_cut_ = false;
  bool has_plain_text_ = false;
  std::vector<std::string> missing_;        ///< sentences (message_fragment.h)
  std::optional<std::string> text_format_;  ///< once there was a text part
  std::vector<std::unique_ptr<OpenEntity>> open_;
  std::vector<postoffice::Attachment> list_;
  AttachmentNames names_;
  EmbeddedAttachments embedded_;  ///< what parts have inside
  SubstituteText substitute_;
  std::vector<std::string> marks_;
  std::optional<SignedEntity> signed_;  ///< the one being read
  std::optional<ReportReader> report_;  ///< of a message that may be a report
  std::string scratch_;
  std::optional<postoffice::FileError> error_;
};

}  // namespace smtpgate::converter
