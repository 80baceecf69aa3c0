// Media types: see the header. Types as IANA registers them; where it has none, as is usual.
#include "converter/media_type.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "postoffice/ascii.h"

namespace smtpgate::converter {

namespace {

using Entry = std::pair<std::string_view, std::string_view>;

constexpr std::array<Entry, 72> by_extension = {{
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"asc", "text/plain"},
    {"avi", "video/x-msvideo"},
    {"bmp", "image/bmp"},
    {"bz2", "application/x-bzip2"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"dot", "application/msword"},
    {"eml", "message/rfc822"},
    {"eps", "application/postscript"},
    {"exe", "application/vnd.microsoft.portable-executable"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"heic", "image/heic"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ics", "text/calendar"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"},
    {"json", "application/json"},
    {"log", "text/plain"},
    {"m4a", "audio/mp4"},
    {"md", "text/markdown"},
    {"mid", "audio/midi"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpeg", "video/mpeg"},
    {"mpg", "video/mpeg"},
    {"mpp", "application/vnd.ms-project"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"ogg", "audio/ogg"},
    {"p7m", "application/pkcs7-mime"},
    {"p7s", "application/pkcs7-signature"},
    {"patch", "text/x-diff"},
    {"pdf", "application/pdf"},
    {"pgp", "application/pgp-encrypted"},
    {"png", "image/png"},
    {"pps", "application/vnd.ms-powerpoint"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"ps", "application/postscript"},
    {"rar", "application/vnd.rar"},
    {"rtf", "application/rtf"},
    {"sig", "application/pgp-signature"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"tsv", "text/tab-separated-values"},
    {"txt", "text/plain"},
    {"vcf", "text/vcard"},
    {"vsd", "application/vnd.visio"},
    {"wav", "audio/x-wav"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"wmf", "image/wmf"},
    {"wmv", "video/x-ms-wmv"},
    {"wri", "application/x-mswrite"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"yaml", "application/yaml"},
    {"zip", "application/zip"},
}};
static_assert(std::is_sorted(by_extension.begin(), by_extension.end()));

constexpr std::array<Entry, 18> by_beginning = {{
    {"%PDF-", "application/pdf"},
    {"\x89PNG\r\n\x1A\n", "image/png"},
    {"\xFF\xD8\xFF", "image/jpeg"},
    {"GIF87a", "image/gif"},
    {"GIF89a", "image/gif"},
    {std::string_view("II*\0", 4), "image/tiff"},
    {std::string_view("MM\0*", 4), "image/tiff"},
    {"PK\x03\x04", "application/zip"},
    {"\x1F\x8B\x08", "application/gzip"},
    {"BZh", "application/x-bzip2"},
    {"7z\xBC\xAF\x27\x1C", "application/x-7z-compressed"},
    {"Rar!\x1A\x07", "application/vnd.rar"},
    {"{\\rtf", "application/rtf"},
    {"%!PS-", "application/postscript"},
    {"OggS", "audio/ogg"},
    {"fLaC", "audio/flac"},
    {"ID3", "audio/mpeg"},
    {"<?xml ", "application/xml"},
}};

}  // namespace

std::string_view media_type_by_name(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || name.size() - dot > 6) return {};
  const std::string extension = ascii_lower(name.substr(dot + 1));
  const auto* const found =
      std::lower_bound(by_extension.begin(), by_extension.end(), extension,
                       [](const Entry& entry, std::string_view key) { return entry.first < key; });
  return found != by_extension.end() && found->first == extension ? found->second
                                                                  : std::string_view();
}

std::string_view media_type_by_content(std::string_view beginning) {
  const std::string_view kind = beginning.substr(0, 16);
  if (kind.starts_with("RIFF") && kind.size() >= 12) {
    const std::string_view form = kind.substr(8, 4);
    if (form == "WAVE") return "audio/x-wav";
    if (form == "WEBP") return "image/webp";
    if (form == "AVI ") return "video/x-msvideo";
  }
  if (kind.size() >= 8 && kind.substr(4, 4) == "ftyp") return "video/mp4";
  const auto* const found =
      std::find_if(by_beginning.begin(), by_beginning.end(),
                   [&](const Entry& entry) { return beginning.starts_with(entry.first); });
  return found == by_beginning.end() ? std::string_view() : found->second;
}

std::string_view media_type_of(std::string_view name, std::string_view beginning) {
  if (const std::string_view type = media_type_by_name(name); !type.empty()) return type;
  if (const std::string_view type = media_type_by_content(beginning); !type.empty()) return type;
  return unknown_media_type;
}

}  // namespace smtpgate::converter
