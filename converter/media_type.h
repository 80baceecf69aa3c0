// What kind of file an attachment is, where its sender does not say: by the extension of its name,
// else by its first octets. Tables of the common ones; everything else is
// application/octet-stream. Not for the way in (leaf_plan.h names files by type).
#pragma once

#include <string_view>

namespace smtpgate::converter {

inline constexpr std::string_view unknown_media_type = "application/octet-stream";

/// How many octets from the beginning media_type_by_content() looks at, at most.
inline constexpr std::size_t media_type_sample = 512;

/// "application/pdf" of "plan.PDF"; empty if the extension is unknown or missing.
std::string_view media_type_by_name(std::string_view name);
/// Of the beginning of a file; empty if it is none of those known.
std::string_view media_type_by_content(std::string_view beginning);
/// Name first, then content, then unknown_media_type.
std::string_view media_type_of(std::string_view name, std::string_view beginning);

}  // namespace smtpgate::converter
