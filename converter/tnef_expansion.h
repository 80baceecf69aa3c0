// What becomes of a TNEF container in a message: its files are attached, its body is the text if
// there is none otherwise, RTF and HTML and meetings are files too (docs/conversion.md,
// "Containers"). Not for reading TNEF (tnef_reader.h).
#pragma once

#include "converter/leaf_expansion.h"
#include "converter/tnef_reader.h"

namespace smtpgate::converter {

class TnefExpansion : public LeafExpansion, TnefMessageHandler {
 public:
  /// `is_certain`: type or name say that it is TNEF; otherwise it is if its signature says so.
  TnefExpansion(const ExpansionContext& context, bool is_certain);

  void feed(std::string_view octets) override;
  void finish() override;
  bool is_over() const override { return is_no_tnef_ && !is_certain_; }
  std::vector<std::string> marks() const override;
  const std::optional<postoffice::FileError>& error() const override { return error_; }

 private:
  /// Octets of a text in pieces, as UTF-8.
  class TextSink;

  void message(TnefMessage& message) override;
  void tell_spool(const EmbeddedFile& file, Spool& octets);
  void tell_text(const EmbeddedFile& file, std::string_view text);
  bool tell_html_in_rtf(const EmbeddedFile& file, TnefMessage& message);
  void offer_text(TnefMessage& message, bool has_html_in_rtf);
  void tell_embedded_text(TnefMessage& message, bool has_html_in_rtf);
  bool write_body(TnefMessage& message, bool has_html_in_rtf, TextSink& sink);
  void take_error(const postoffice::FileResult<void>& result);

  ExpansionContext context_;
  SpoolPlace place_;
  bool is_certain_;
  LimitedFiles files_;
  std::optional<TnefReader> reader_;
  std::string held_;  ///< first octets, until the signature is known
  bool is_no_tnef_ = false;
  std::optional<postoffice::FileError> error_;
};

}  // namespace smtpgate::converter
