// Where a reader of an old kind of multipart (encoding_parts.h, sun_message.h) puts what it takes
// apart: text, in which there may still be files, and whole files.
#pragma once

#include <string>
#include <string_view>

#include "converter/embedded_files.h"

namespace smtpgate::converter {

class TextPartSink {
 public:
  virtual ~TextPartSink() = default;
  virtual void text(std::string_view octets) = 0;
  /// A part ends here: what is in it is no further than this. Before a file of files() begins.
  virtual void end_part() = 0;
  /// The next file that is found in text() is called so, whatever it says itself. UTF-8; empty: as
  /// it says.
  virtual void name_next_file(const std::string& name) = 0;
  /// For parts that are files as they stand.
  virtual EmbeddedFileHandler& files() = 0;
};

/// Takes a text apart and gives its parts to a TextPartSink.
class TextPartReader {
 public:
  virtual ~TextPartReader() = default;
  /// Transfer-decoded octets with CR LF or LF at line ends, cut anywhere.
  virtual void feed(std::string_view octets) = 0;
  virtual void finish() = 0;
};

}  // namespace smtpgate::converter
