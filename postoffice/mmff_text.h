// The text section of a message, in pieces: the rendered header lines on top of it (HEADLEN) told
// from the text itself, the file's character set made UTF-8, its line ends made LF. Shared by
// showing and extracting. Not for finding sections in the file (mmff_reader.h).
//
// All objects take pieces of any size, keep constant memory and belong to one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "postoffice/character_set.h"
#include "postoffice/mmff.h"

namespace smtpgate::postoffice {

/// The set that CHARSET names; `fallback` without one, UTF-8 for one that iconv does not know.
std::string character_set_of(const MessageHeader& header, std::string_view fallback);

/// Tells the first `lines` lines of a text from the rest.
class RenderedHeaderSplitter {
 public:
  RenderedHeaderSplitter(std::uint64_t lines, LineEnd line_end)
      : lines_(lines), line_end_(line_end) {}

  struct Pieces {
    std::string_view header;  ///< belongs to the header lines
    std::string_view text;    ///< belongs to the text after them
  };
  /// The pieces are views of `piece`.
  Pieces split(std::string_view piece);

 private:
  std::uint64_t lines_;  ///< still to come
  LineEnd line_end_;
  bool after_cr_ = false;  ///< CRLF only: the last piece ended in CR
};

/// Octets of the file's character set to UTF-8; never fails, since an unknown set was replaced.
class Utf8Converter {
 public:
  explicit Utf8Converter(const std::string& character_set);

  /// The UTF-8 for `piece`; valid until the next call. Whole characters only.
  std::string_view convert(std::string_view piece);
  std::string_view finish();

 private:
  CharacterDecoder decoder_;
  std::string out_;
};

/// The file's line ends to LF.
class LineFeedConverter {
 public:
  explicit LineFeedConverter(LineEnd line_end) : line_end_(line_end) {}

  /// `piece` with LF for each line end; a CR that may begin a CRLF is kept for the next piece.
  std::string convert(std::string_view piece);
  std::string finish();

 private:
  LineEnd line_end_;
  bool cr_kept_ = false;
};

}  // namespace smtpgate::postoffice
