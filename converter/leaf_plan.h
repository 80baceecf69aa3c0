// Policy: what becomes of each part of a message. Is it the text, HTML that is rendered into the
// text and kept, or an attachment; and what is an attachment called. No octets pass here. The rules
// in plain words: docs/conversion.md.
#pragma once

#include <string>
#include <string_view>

#include "converter/mime_parser.h"
#include "converter/part_note.h"

namespace smtpgate::converter {

enum class LeafUse {
  text,        ///< its characters stand in the text
  html,        ///< kept as an attachment, and rendered where the text would otherwise say nothing
  attachment,  ///< kept as it is
};

/// The fields that say how a part wants to be shown.
struct PartDescription {
  std::string disposition;  ///< "attachment", "inline", or what the sender wrote; lower case
  std::string name;         ///< from Content-Disposition's filename or Content-Type's name; UTF-8
  std::string content_id;   ///< without angle brackets
  bool odd = false;
  PartNote note;  ///< what our own way out says besides
};

/// `charset`: of raw octets in names; may be empty.
PartDescription describe_part(const EntityStart& entity, std::string_view charset);

/// May this part continue the body of its multipart? `multipart` is the parent's subtype, `start`
/// its start parameter (RFC 2387) without angle brackets.
bool continues_body(std::string_view multipart, std::string_view start, const EntityStart& part,
                    const PartDescription& description);

/// For a leaf that `in_body` says stands where a body stands.
LeafUse use_of_leaf(const ContentType& type, const PartDescription& description, bool in_body);

/// The name of the `number`-th attachment if its sender gave none: "ATT3.pdf" (Q99716), or
/// "message.html" for a body.
std::string default_attachment_name(const ContentType& type, unsigned long number, bool is_body);

/// Behind the name of AppleDouble's header part, so that the data part beside it keeps its own.
inline constexpr std::string_view apple_double_extension = ".appledouble";

/// Names of the two parts of multipart/appledouble (RFC 1740): the header part is `<name>` with
/// that extension; a data part without a name gets `real_name`, which the header part told or had.
void name_in_apple_double(const ContentType& type, std::string& real_name,
                          PartDescription& description);

/// An octet stream whose line ends must stay as they came: an enclosed message, or what a signature
/// covers.
bool keeps_wire_line_ends(const ContentType& type);

}  // namespace smtpgate::converter
