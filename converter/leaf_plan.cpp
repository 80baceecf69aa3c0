// The policy of leaf_plan.h.
#include "converter/leaf_plan.h"

#include <algorithm>
#include <array>
#include <utility>

#include "converter/raw_header.h"
#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

std::string without_brackets(std::string_view id) {
  id = trim(id);
  if (id.size() >= 2 && id.front() == '<' && id.back() == '>') id = id.substr(1, id.size() - 2);
  return std::string(id);
}

std::string_view extension_for(const ContentType& type) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 36> known = {{
      {"text/plain", "txt"},
      {"text/html", "html"},
      {"text/csv", "csv"},
      {"text/calendar", "ics"},
      {"text/vcard", "vcf"},
      {"text/x-vcard", "vcf"},
      {"text/xml", "xml"},
      {"text/rtf", "rtf"},
      {"text/enriched", "txt"},
      {"text/rfc822-headers", "txt"},
      {"message/rfc822", "eml"},
      {"message/global", "eml"},
      {"message/delivery-status", "txt"},
      {"message/disposition-notification", "txt"},
      {"message/partial", "eml"},
      {"application/pdf", "pdf"},
      {"application/zip", "zip"},
      {"application/json", "json"},
      {"application/xml", "xml"},
      {"application/rtf", "rtf"},
      {"application/msword", "doc"},
      {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"},
      {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"},
      {"application/applefile", "applefile"},
      {"application/ms-tnef", "dat"},
      {"application/vnd.ms-tnef", "dat"},
      {"application/pgp-signature", "asc"},
      {"application/pkcs7-signature", "p7s"},
      {"application/x-pkcs7-signature", "p7s"},
      {"application/pkcs7-mime", "p7m"},
      {"application/x-pkcs7-mime", "p7m"},
      {"image/jpeg", "jpg"},
      {"image/png", "png"},
      {"image/gif", "gif"},
      {"image/tiff", "tif"},
      {"image/bmp", "bmp"},
  }};
  const std::string wanted = type.str();
  const auto found = std::find_if(known.begin(), known.end(),
                                  [&](const auto& entry) { return entry.first == wanted; });
  if (found != known.end()) return found->second;
  return type.type == "text" ? "txt" : "bin";
}

std::string type_name(const EntityStart& entity, std::string_view charset) {
  const HeaderField* const field = entity.header.find("Content-Type");
  if (field == nullptr || is_ascii(field->value)) {
    return std::string(entity.content_type.parsed.parameter("name"));
  }
  const std::string value = raw_value_in_utf8(field->value, charset);
  return std::string(parse_content_type(&value).parsed.parameter("name"));
}

}  // namespace

PartDescription describe_part(const EntityStart& entity, std::string_view charset) {
  PartDescription description;
  // A second one may have the name that the first lacks.
  for (const HeaderField* field : entity.header.find_all("Content-Disposition")) {
    const ParameterizedValue disposition =
        parse_parameterized(raw_value_in_utf8(field->value, charset));
    if (description.disposition.empty()) description.disposition = disposition.value;
    if (description.name.empty()) description.name = disposition.parameter("filename");
    description.odd = description.odd || disposition.odd;
  }
  if (description.name.empty()) description.name = type_name(entity, charset);
  if (const HeaderField* field = entity.header.find("Content-ID")) {
    description.content_id = without_brackets(unfold(field->value));
  }
  description.odd = description.odd || entity.content_type.parsed.odd;
  if (const HeaderField* field = entity.header.find(part_note_field)) {
    description.note = read_part_note(field->value);
    if (!description.note.is_spelling_of(description.name)) description.note.name.clear();
    if (!description.note.name.empty()) description.name = description.note.name;
    if (!entity.content_type.is("application", "octet-stream")) description.note.type.clear();
  }
  return description;
}

bool continues_body(std::string_view multipart, std::string_view start, const EntityStart& part,
                    const PartDescription& description) {
  if (multipart == "related") {
    const std::string wanted = without_brackets(start);
    return wanted.empty() ? part.child_index == 0 : description.content_id == wanted;
  }
  if (multipart == "signed" || multipart == "report") return part.child_index == 0;
  return multipart != "encrypted" && multipart != "digest";
}

LeafUse use_of_leaf(const ContentType& type, const PartDescription& description, bool in_body) {
  const bool wants_body =
      in_body && description.disposition != "attachment" && description.name.empty();
  if (!wants_body) return LeafUse::attachment;
  if (type.is("text", "plain")) return LeafUse::text;
  if (type.is("text", "html")) return LeafUse::html;
  // A multipart whose boundary nobody told: all of it is there to be read, as it came.
  if (type.type == "multipart") return LeafUse::text;
  return LeafUse::attachment;
}

std::string default_attachment_name(const ContentType& type, unsigned long number, bool is_body) {
  if (is_body && type.is("text", "html")) return "message.html";
  return "ATT" + std::to_string(number) + "." + std::string(extension_for(type));
}

void name_in_apple_double(const ContentType& type, std::string& real_name,
                          PartDescription& description) {
  if (!type.is("application", "applefile")) {
    if (description.name.empty()) description.name = real_name;
    return;
  }
  if (description.name.empty()) return;
  real_name = description.name;
  description.name += apple_double_extension;
}

bool keeps_wire_line_ends(const ContentType& type) {
  return type.type == "message" && type.subtype != "delivery-status" &&
         type.subtype != "disposition-notification";
}

}  // namespace smtpgate::converter
