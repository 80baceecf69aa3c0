// A text that is an attachment as the message's text, for a message that says nothing otherwise: a
// telephone's only text has a file name, and so has many a program's page. The attachment stays as
// it is. Not for the texts that are the body (inbound_assembler.h).
#pragma once

#include <cstddef>

#include "converter/leaf_expansion.h"
#include "converter/text_segment.h"

namespace smtpgate::converter {

class TextCopyExpansion : public LeafExpansion {
 public:
  TextCopyExpansion(const ExpansionContext& context, const ContentType& type);

  void feed(std::string_view octets) override;
  void finish() override;
  bool is_over() const override {
    return is_no_text_ || (!is_offered_ && !context_.substitute.is_free());
  }
  std::vector<std::string> marks() const override { return {}; }
  const std::optional<postoffice::FileError>& error() const override { return error_; }

 private:
  void hand_on();

  ExpansionContext context_;
  TextSegment segment_;
  bool is_offered_ = false;
  bool is_no_text_ = false;  ///< too long, or binary
  std::size_t written_ = 0;
  std::string ready_;
  std::optional<postoffice::FileError> error_;
};

}  // namespace smtpgate::converter
