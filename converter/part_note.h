// X-Smtpgate-Part: what our way out says of an attachment for our own way in, because standard
// fields cannot, so that a file that goes out and comes in again says the same
// (docs/conversion-out.md):
//
//   X-Smtpgate-Part: text                nothing in this text is a file
//   X-Smtpgate-Part: container           what is inside is attached beside it already
//   X-Smtpgate-Part: file; from="winmail.dat"; name="../a.txt"; type="message/rfc822"
//
// Anybody can write this field. So it may change nothing that somebody on the way could have judged
// the part by, and can hide nothing: the name must be another spelling of the file name that the
// part has, the type one of those that may not be base64, and what a text holds stays in it.
#pragma once

#include <string>
#include <string_view>

#include "postoffice/mmff.h"

namespace smtpgate::converter {

inline constexpr std::string_view part_note_field = "X-Smtpgate-Part";

/// Strings in UTF-8; empty: not told.
struct PartNote {
  bool is_expanded = false;  ///< a container whose contents are attached beside it
  std::string from;          ///< the container that the file was in, a safe file name
  std::string name;          ///< the sender's own
  std::string type;          ///< message/... or multipart/..., of a part that goes as octets
  bool is_text = false;      ///< looks as if a file stood in it, and was text before

  /// Whether the name, made safe, is `file_name`.
  bool is_spelling_of(std::string_view file_name) const;
};

/// Of an attachment of a file in `character_set`. `name` is ATTACHMENT-NAME, odd or not; never the
/// line's, which may be a path of the machine that the file was written on.
PartNote note_of(const postoffice::Attachment& attachment, const std::string& character_set);

/// Appends the field, or nothing if the note says nothing.
void write_part_note(std::string& out, const PartNote& note);

/// What a field of a stranger says, of which only what may be trusted is taken; the name is not
/// judged.
PartNote read_part_note(std::string_view value);

}  // namespace smtpgate::converter
