// What an MMFF file says, for programs (JSON) and for people (text): `smtpconv show`,
// `postoffice read`. Streams: one message header in memory at a time, contents in pieces.
// Not for writing contents to files (mmff_extract.h).
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "postoffice/byte_stream.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/time_zone.h"

namespace smtpgate::postoffice {

/// show_text() for somebody who reads his mail, not the file: no ordinal, no sizes and sets, dates
/// in his zone, long lists of recipients cut (not with_fields).
struct ReaderView {
  TimeZone zone;
  std::int64_t arrival = 0;  ///< seconds since 1970
  bool with_colours = false;
};

struct ShowOptions {
  ReaderOptions reader;
  std::string character_set = "UTF-8";  ///< of a file without a CHARSET field: the postoffice's
  bool with_fields = true;              ///< show_text(): the extended fields
  bool with_header_lines = false;  ///< show_text(): the rendered header lines on top of the text
  /// show_text(): labels and values (UTF-8, made printable here) to be shown behind the header of a
  /// message whose strings are in the set named; empty: none.
  std::function<std::vector<std::pair<std::string, std::string>>(const MessageHeader&,
                                                                 const std::string&)>
      further_lines;
  std::optional<ReaderView> view;  ///< show_text()
};

/// {"messages":[{...}, ...]} as docs/mmff.md, "As JSON", defines it, and a line feed. Valid UTF-8
/// and valid JSON whatever the file holds; after an error in the file, JSON of the messages before
/// it. Returns how many messages there were. Errors of `out` are its own to tell.
FormatResult<std::uint64_t> show_json(ByteSource& source, std::ostream& out,
                                      const ShowOptions& options = {});

/// What the directory of a message knows beside the message (docs/folder-mailboxes.md).
struct FolderJson {
  std::string id;
  std::vector<std::string> attachment_files;  ///< the name of each attachment's file
};

/// The first message alone: the object that show_json() has for it, with "id", "file" for each
/// attachment, and "envelope" if the file says who sent it (ENVELOPE-FROM).
FormatResult<void> show_folder_json(ByteSource& source, std::ostream& out, const FolderJson& folder,
                                    const ShowOptions& options = {});

/// For a terminal: aligned header, table of attachments, the text after the rendered header lines.
/// Nothing in it can move a cursor or hide text (printable.h).
FormatResult<std::uint64_t> show_text(ByteSource& source, std::ostream& out,
                                      const ShowOptions& options = {});

}  // namespace smtpgate::postoffice
