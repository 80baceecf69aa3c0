// Attachments on their way out: as parts of a multipart/mixed, or uuencoded for peers without MIME.
// One at a time, in pieces: an enclosed message alone is spooled, because its encoding depends on
// all of it. Not for the text (outbound_text.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "converter/spool.h"
#include "postoffice/byte_stream.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outcome.h"

namespace smtpgate::converter {

/// The name that an attachment goes out under: its sender's own, made safe; ASCII for plain peers.
std::string outbound_name(const postoffice::Attachment& attachment,
                          const std::string& character_set, bool plain);

class OutboundParts {
 public:
  /// All outlive the object. `boundary` of the multipart.
  OutboundParts(postoffice::Reader& reader, postoffice::ByteSink& sink, const SpoolPlace& place,
                std::string_view boundary, const std::string& character_set)
      : reader_(reader),
        sink_(sink),
        place_(place),
        boundary_(boundary),
        character_set_(character_set) {}

  /// The open section as a part: its fields, its octets in base64, or as they are where it is an
  /// enclosed message that may be sent as 7bit. True if what was written ends in a line end.
  Expected<bool> write_part(const postoffice::Attachment& attachment);
  /// The open section, from "begin" to "end".
  Expected<void> write_uuencoded(const std::string& name);

 private:
  struct Description;
  Description describe(const postoffice::Attachment& attachment, std::string_view beginning) const;
  Expected<std::string_view> next_piece();
  Expected<void> write(std::string_view octets);
  Expected<void> write_fields(const Description& description, std::string_view encoding);
  Expected<bool> write_base64(std::string_view first);
  Expected<bool> write_lines(const Description& description, Spool& octets);
  Expected<bool> write_enclosed(Description description, std::string_view first);

  postoffice::Reader& reader_;
  postoffice::ByteSink& sink_;
  SpoolPlace place_;
  std::string boundary_;
  std::string character_set_;
  std::vector<char> buffer_;
  std::string encoded_;
};

}  // namespace smtpgate::converter
