// TextLeaf: see the header. A plain text without any of it passes as views, without a copy.
#include "converter/text_leaf.h"

#include <utility>

#include "converter/encoding_field.h"
#include "converter/encoding_parts.h"
#include "converter/mail_charset.h"
#include "converter/sun_message.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t most_names = 1000;

std::vector<std::string> names_in(const HeaderFields& header) {
  std::vector<std::string> names;
  for (const HeaderField* field : header.find_all("X-MS-Attachment")) {
    if (names.size() == most_names) return {};
    names.push_back(name_of_attachment_field(field->value));
  }
  return names;
}

std::string format_of(const ContentType& type) {
  if (!type.is("text", "plain")) return {};
  if (!equals_ignoring_case(type.parsed.parameter("format"), "flowed")) return {};
  const bool deletes_space = equals_ignoring_case(type.parsed.parameter("delsp"), "yes");
  return deletes_space ? "flowed; delsp=yes" : "flowed";
}

/// Octets of blanks, quote marks and line ends mean what they do in ASCII: not in UTF-16.
bool has_ascii_marks(std::string_view charset) {
  const std::string set = charset_for_label(charset).set;
  if (set.empty()) return true;
  auto decoder = postoffice::CharacterDecoder::open(set);
  if (!decoder) return true;
  constexpr std::string_view marks = "a> -\r\n";
  std::string read;
  decoder->feed(marks, read);
  decoder->finish(read);
  return read == marks;
}

}  // namespace

TextLeaf::TextLeaf(const ContentType& type, const HeaderFields* message, const TextLeafRules& rules,
                   EmbeddedFileHandler& handler)
    : handler_(handler), finds_files_(rules.finds_files), format_(format_of(type)) {
  TextPartSink& sink = *this;
  const std::string charset(type.parsed.parameter("charset"));
  TextFileRules scanner_rules{charset, rules.most_files, false};
  if (type.is_default && type.parsed.value == "x-sun-attachment") {
    reader_ = std::make_unique<SunMessage>(charset, rules.line_end, sink);
  } else if (message != nullptr) {
    names_ = names_in(*message);
    if (const HeaderField* field = message->find("Encoding")) {
      std::vector<EncodingPart> parts = parse_encoding_field(field->value);
      scanner_rules.drops_separator = parts.size() > 1;
      if (EncodingParts::applies(parts, names_)) {
        reader_ = std::make_unique<EncodingParts>(std::move(parts), names_, rules.line_end, sink);
      }
    }
  }
  scanner_ = std::make_unique<TextFileScanner>(std::move(scanner_rules),
                                               static_cast<EmbeddedFileHandler&>(*this));
  if (rules.joins_flowed && !format_.empty()) {
    if (has_ascii_marks(charset)) {
      join_ = std::make_unique<FlowedJoin>(format_ != "flowed");
      comparison_ = std::make_unique<FlowedComparison>();
    }
    format_.clear();
  }
}

TextLeaf::~TextLeaf() = default;

std::string_view TextLeaf::feed(std::string_view octets) {
  if (!finds_files_) return joined(octets);
  if (!reader_) return joined(scanner_->feed(octets));
  read_.clear();
  reader_->feed(octets);
  return joined(read_);
}

std::string_view TextLeaf::finish() {
  read_.clear();
  if (reader_) reader_->finish();
  read_ += scanner_->finish();
  if (!join_) return read_;
  joined_.clear();
  join_->feed(read_, joined_);
  join_->finish(joined_);
  comparison_->feed(read_, joined_);
  comparison_->finish();
  return joined_;
}

void TextLeaf::text(std::string_view octets) {
  read_ += scanner_->feed(octets);
}

void TextLeaf::end_part() {
  read_ += scanner_->finish();
  next_name_.clear();
}

std::string_view TextLeaf::joined(std::string_view text) {
  if (!join_) return text;
  joined_.clear();
  join_->feed(text, joined_);
  comparison_->feed(text, joined_);
  return joined_;
}

void TextLeaf::begin_file(const EmbeddedFile& file) {
  ++files_;
  if (next_name_.empty()) {
    handler_.begin_file(file);
    return;
  }
  EmbeddedFile named = file;
  named.name = std::exchange(next_name_, {});
  handler_.begin_file(named);
}

std::vector<std::string> TextLeaf::names() const {
  return names_.size() == files_ ? names_ : std::vector<std::string>();
}

}  // namespace smtpgate::converter
