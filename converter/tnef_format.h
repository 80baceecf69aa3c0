// The numbers of TNEF that we read: levels, attributes, property types and identifiers. Not for
// reading (tnef_attributes.h, mapi_properties.h).
//
// Sources: MS-OXTNEF 2.1.3, MS-OXCDATA 2.11.1, MS-OXPROPS 2; all numbers are little-endian.
#pragma once

#include <cstdint>
#include <string_view>

namespace smtpgate::converter::tnef {

inline constexpr std::string_view signature = "\x78\x9F\x3E\x22";  // 0x223E9F78

namespace level {
inline constexpr std::uint8_t message = 1;
inline constexpr std::uint8_t attachment = 2;
}  // namespace level

namespace attribute {
inline constexpr std::uint32_t owner = 0x00060000;
inline constexpr std::uint32_t date_start = 0x00030006;
inline constexpr std::uint32_t date_end = 0x00030007;
inline constexpr std::uint32_t from = 0x00008000;
inline constexpr std::uint32_t subject = 0x00018004;
inline constexpr std::uint32_t date_sent = 0x00038005;
inline constexpr std::uint32_t message_class = 0x00078008;
inline constexpr std::uint32_t body = 0x0002800C;
inline constexpr std::uint32_t attach_data = 0x0006800F;
inline constexpr std::uint32_t attach_title = 0x00018010;
inline constexpr std::uint32_t attach_transport_filename = 0x00069001;
inline constexpr std::uint32_t attach_rendering = 0x00069002;
inline constexpr std::uint32_t message_properties = 0x00069003;
inline constexpr std::uint32_t recipient_table = 0x00069004;
inline constexpr std::uint32_t attachment_properties = 0x00069005;
inline constexpr std::uint32_t oem_code_page = 0x00069007;
}  // namespace attribute

namespace type {
inline constexpr std::uint16_t unspecified = 0x0000;
inline constexpr std::uint16_t null = 0x0001;
inline constexpr std::uint16_t integer16 = 0x0002;
inline constexpr std::uint16_t integer32 = 0x0003;
inline constexpr std::uint16_t floating32 = 0x0004;
inline constexpr std::uint16_t floating64 = 0x0005;
inline constexpr std::uint16_t currency = 0x0006;
inline constexpr std::uint16_t floating_time = 0x0007;
inline constexpr std::uint16_t error = 0x000A;
inline constexpr std::uint16_t boolean = 0x000B;
inline constexpr std::uint16_t object = 0x000D;
inline constexpr std::uint16_t integer64 = 0x0014;
inline constexpr std::uint16_t string8 = 0x001E;
inline constexpr std::uint16_t unicode = 0x001F;
inline constexpr std::uint16_t time = 0x0040;
inline constexpr std::uint16_t guid = 0x0048;
inline constexpr std::uint16_t binary = 0x0102;
inline constexpr std::uint16_t multiple = 0x1000;  // a flag
}  // namespace type

namespace property {
inline constexpr std::uint16_t message_class = 0x001A;
inline constexpr std::uint16_t subject = 0x0037;
inline constexpr std::uint16_t client_submit_time = 0x0039;
inline constexpr std::uint16_t sent_representing_name = 0x0042;
inline constexpr std::uint16_t start_date = 0x0060;
inline constexpr std::uint16_t end_date = 0x0061;
inline constexpr std::uint16_t sent_representing_address = 0x0065;
inline constexpr std::uint16_t recipient_type = 0x0C15;
inline constexpr std::uint16_t sender_name = 0x0C1A;
inline constexpr std::uint16_t sender_address = 0x0C1F;
inline constexpr std::uint16_t display_to = 0x0E04;
inline constexpr std::uint16_t body = 0x1000;
inline constexpr std::uint16_t rtf_compressed = 0x1009;
inline constexpr std::uint16_t html = 0x1013;
inline constexpr std::uint16_t display_name = 0x3001;
inline constexpr std::uint16_t address = 0x3003;
inline constexpr std::uint16_t attach_data = 0x3701;
inline constexpr std::uint16_t attach_extension = 0x3703;
inline constexpr std::uint16_t attach_filename = 0x3704;
inline constexpr std::uint16_t attach_long_filename = 0x3707;
inline constexpr std::uint16_t attach_transport_name = 0x370C;
inline constexpr std::uint16_t attach_mime_tag = 0x370E;
inline constexpr std::uint16_t attach_content_id = 0x3712;
inline constexpr std::uint16_t smtp_address = 0x39FE;
inline constexpr std::uint16_t internet_code_page = 0x3FDE;
inline constexpr std::uint16_t message_code_page = 0x3FFD;
inline constexpr std::uint16_t sender_smtp_address = 0x5D01;
inline constexpr std::uint16_t sent_representing_smtp_address = 0x5D02;
inline constexpr std::uint16_t first_named = 0x8000;
}  // namespace property

/// Sets of named properties (GUIDs as they stand in the file) and the identifiers in them.
namespace named {
inline constexpr std::string_view appointment(
    "\x02\x20\x06\x00\x00\x00\x00\x00\xC0\x00\x00\x00\x00\x00\x00\x46", 16);
inline constexpr std::string_view meeting(
    "\x90\xDA\xD8\x6E\x0B\x45\x1B\x10\x98\xDA\x00\xAA\x00\x3F\x13\x05", 16);
// Of `appointment`:
inline constexpr std::uint32_t sequence = 0x8201;
inline constexpr std::uint32_t location = 0x8208;
inline constexpr std::uint32_t start_whole = 0x820D;
inline constexpr std::uint32_t end_whole = 0x820E;
inline constexpr std::uint32_t all_day = 0x8215;
inline constexpr std::uint32_t recurrence_text = 0x8232;
inline constexpr std::uint32_t zone_struct = 0x8233;
inline constexpr std::uint32_t start_zone = 0x825E;
inline constexpr std::uint32_t end_zone = 0x825F;
inline constexpr std::uint32_t recurrence_zone = 0x8260;
// Of `meeting`:
inline constexpr std::uint32_t where = 0x0002;
inline constexpr std::uint32_t global_object_id = 0x0003;
inline constexpr std::uint32_t clean_global_object_id = 0x0023;
}  // namespace named

/// The interface that an embedded object speaks: IMessage, a TNEF of its own (MS-OXTNEF 2.1.3.5).
inline constexpr std::string_view message_interface(
    "\x07\x03\x02\x00\x00\x00\x00\x00\xC0\x00\x00\x00\x00\x00\x00\x46", 16);

}  // namespace smtpgate::converter::tnef
