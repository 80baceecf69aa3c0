// The token lines of one message, from VERSION to TEXT or XTEXT, into a MessageHeader: which tokens
// there are, which may be repeated, what their values must look like (docs/mmff.md, "Tokens").
// Takes lines one at a time and does no I/O. For mmff_reader.cpp only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "postoffice/mmff.h"
#include "postoffice/mmff_reader.h"

namespace smtpgate::postoffice {

class MmffHeaderParser {
 public:
  /// `message` is the ordinal for errors. `options` outlives the parser.
  MmffHeaderParser(const ReaderOptions& options, LineEnd line_end, std::uint64_t message);

  /// The next line without its line end. True when it was the last token line: header() is then
  /// whole. Sizes of external files are left to the reader.
  FormatResult<bool> take_line(std::string_view line);
  MessageHeader& header() { return header_; }
  std::uint64_t line() const { return line_; }  ///< taken so far

  /// An error at the line that was taken last.
  FormatError error(int number, std::string text) const;
  /// The file ended, or the line at hand is too long.
  FormatError end_of_file() const;
  FormatError line_too_long();

 private:
  /// What an EXT line announced; its value is the next line.
  struct PendingField {
    char type = 'S';
    unsigned long number = 0;
    std::string name;
  };
  using Result = FormatResult<bool>;

  Result take_token(std::string_view name, std::string_view tail);
  Result bad_tail(std::string_view name, std::string_view tail, std::string_view what) const;
  Result refuse_stray_line_ends(std::string_view line) const;
  Result take_version(std::string_view tail);
  Result take_address(std::string_view name, std::string_view tail, TypedAddress& address) const;
  Result take_recipient(std::string_view name, std::string_view tail,
                        std::vector<TypedAddress>& list, std::vector<std::uint64_t>& lines);
  Result take_attachment(std::string_view name, std::string_view tail);
  Result take_external_attachment(std::string_view tail);
  Result take_extended(std::string_view tail);
  Result take_extended_value(std::string_view line);
  Result take_text(std::string_view tail);
  Result take_external_text(std::string_view tail);
  Result refuse_external(std::string_view name, std::string_view path) const;
  /// After TEXT or XTEXT: are all there that must be?
  Result finish(std::string_view name, std::string_view tail);
  /// Puts the values that belong to members (names, attachments' fields) where they belong.
  void distribute_fields();
  bool place_field(ExtendedField& field);

  const ReaderOptions& options_;
  LineEnd line_end_;
  std::uint64_t message_;
  std::uint64_t line_ = 0;
  unsigned seen_ = 0;              ///< bit set of the tokens that may come once only
  bool has_header_lines_ = false;  ///< HEADLEN was there, 0 too
  std::optional<PendingField> pending_;
  MessageHeader header_;
};

}  // namespace smtpgate::postoffice
