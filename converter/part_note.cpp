// X-Smtpgate-Part: see the header.
#include "converter/part_note.h"

#include <algorithm>
#include <vector>

#include "converter/header_writer.h"
#include "converter/mime_parameters.h"
#include "converter/parameter_encoder.h"
#include "postoffice/ascii.h"
#include "postoffice/character_set.h"
#include "postoffice/safe_file_name.h"

namespace smtpgate::converter {

namespace {

constexpr std::size_t longest_shown_type = 200;
constexpr std::string_view text = "text";
constexpr std::string_view container = "container";
constexpr std::string_view from_mark = "from:";

}  // namespace

bool PartNote::is_spelling_of(std::string_view file_name) const {
  return !name.empty() && postoffice::safe_file_name(name, "attachment") == file_name;
}

PartNote note_of(const postoffice::Attachment& attachment, const std::string& character_set) {
  PartNote note;
  note.name = postoffice::to_utf8(attachment.original_name, character_set);
  for (const std::string& mark : attachment.odd) {
    if (mark == "expanded") note.is_expanded = true;
    if (mark.starts_with(from_mark)) {
      note.from = postoffice::to_utf8(mark.substr(from_mark.size()), character_set);
    }
  }
  return note;
}

void write_part_note(std::string& out, const PartNote& note) {
  const bool says_all = note.is_text || note.is_expanded;
  if (!says_all && note.from.empty() && note.name.empty() && note.type.empty()) return;
  std::vector<std::string> parameters;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    for (std::string& piece : encode_exact_parameter(name, value)) {
      parameters.push_back(std::move(piece));
    }
  };
  add("from", note.from);
  add("name", note.name);
  add("type", note.type);
  const std::string_view kind = note.is_text ? text : note.is_expanded ? container : "file";
  write_parameterized(out, part_note_field, kind, parameters);
}

PartNote read_part_note(std::string_view value) {
  const ParameterizedValue read = parse_parameterized(value);
  PartNote note;
  note.is_text = read.value == text;
  note.is_expanded = read.value == container;
  note.name = read.parameter("name");
  const std::string from(read.parameter("from"));
  if (!from.empty() && postoffice::safe_file_name(from, "") == from) note.from = from;
  const std::string type(read.parameter("type"));
  const ContentType parsed = parse_content_type(&type);
  if (!parsed.is_default && type.size() <= longest_shown_type &&
      (parsed.type == "message" || parsed.type == "multipart")) {
    note.type = parsed.str();
  }
  return note;
}

}  // namespace smtpgate::converter
