// What is encoded is what is decoded, whatever it is and wherever it is cut: transfer encodings,
// words and parameters of headers, dates, addresses, character sets. Files in texts and containers
// are in test_properties_files.cpp.
#include <string>

#include "converter/address_list.h"
#include "converter/base64_encoder.h"
#include "converter/encoded_word.h"
#include "converter/encoded_word_encoder.h"
#include "converter/mail_date.h"
#include "converter/mime_parameters.h"
#include "converter/parameter_encoder.h"
#include "converter/quoted_printable_encoder.h"
#include "converter/transfer_decoder.h"
#include "converter/xtext.h"
#include "postoffice/character_set.h"
#include "unit/property.h"

using namespace smtpgate::converter;
using namespace smtpgate::test;

namespace {

template <typename Encoder>
std::string encoded(const std::string& octets) {
  Encoder encoder;
  std::string out;
  for (const std::string& piece : cut_anywhere(octets)) encoder.feed(piece, out);
  encoder.finish(out);
  return out;
}

/// Octets that the decoder complained of are none of an encoder.
std::string decoded(TransferEncoding encoding, const std::string& text) {
  const auto decoder = make_transfer_decoder(encoding, "\n");
  std::string out;
  for (const std::string& piece : cut_anywhere(text)) decoder->feed(piece, out);
  decoder->finish(out);
  RC_ASSERT(decoder->errors() == 0U);
  return out;
}

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += between;
    text += word;
  }
  return text;
}

}  // namespace

TEST_CASE("base64 of any octets gives them back", "[property]") {
  check_property(300, 400, [] {
    const std::string wanted = *octets();
    RC_ASSERT(decoded(TransferEncoding::base64, encoded<Base64Encoder>(wanted)) == wanted);
    RC_ASSERT(decoded(TransferEncoding::base64, base64(wanted)) == wanted);
  });
}

TEST_CASE("quoted-printable of any octets gives them back", "[property]") {
  check_property(300, 400, [] {
    const std::string wanted = *octets();
    RC_ASSERT(decoded(TransferEncoding::quoted_printable,
                      encoded<QuotedPrintableEncoder>(wanted)) == wanted);
  });
}

TEST_CASE("encoded words of any text give it back", "[property]") {
  check_property(300, 100, [] {
    const std::string wanted = *printable_text();
    const auto room = *rc::gen::inRange<std::size_t>(0, 80);
    const std::string between = *rc::gen::element<std::string>(" ", "\r\n ", "\r\n\t", "  ");
    const DecodedText found = decode_header_text(joined(encode_words(wanted, room), between));
    RC_ASSERT(found.text == wanted);
    RC_ASSERT(!found.odd);
  });
}

TEST_CASE("parameters of any text give it back", "[property]") {
  check_property(300, 100, [] {
    const std::string wanted = *printable_text();
    const std::string between = *rc::gen::element<std::string>("; ", ";\r\n ", ";");
    const auto pieces = encode_parameter("filename", wanted);
    const auto found =
        parse_parameterized("attachment; x=1" + between + joined(pieces, between) + "; y=2");
    RC_ASSERT(found.parameter("filename") == wanted);
    RC_ASSERT(found.parameter("x") == "1");
    RC_ASSERT(found.parameter("y") == "2");
    RC_ASSERT(!found.odd);
  });
}

TEST_CASE("xtext of any printable ASCII gives it back", "[property]") {
  check_property(200, 100, [] {
    const std::string wanted = *rc::gen::container<std::string>(rc::gen::inRange(' ', '\x7F'));
    RC_ASSERT(decode_xtext(xtext(wanted), 3 * wanted.size()) == wanted);
  });
}

TEST_CASE("a date written is the date read", "[property]") {
  check_property(500, 100, [] {
    // The years 1000 to 9998: four digits in any zone.
    const auto seconds = *rc::gen::inRange<std::int64_t>(-30'610'224'000, 253'370'764'800);
    const int zone = *rc::gen::inRange(-14 * 60, 14 * 60 + 1);
    const auto found = parse_mail_date(format_mail_date(seconds, zone));
    RC_ASSERT(found.has_value());
    RC_ASSERT(found->seconds == seconds);
    RC_ASSERT(found->zone_minutes == zone);
    const auto again = parse_mail_date(found->rfc3339());
    RC_ASSERT(again.has_value());
    RC_ASSERT(again->seconds == seconds);
    RC_ASSERT(again->zone_minutes == zone);
  });
}

TEST_CASE("an address written is the address read", "[property]") {
  check_property(300, 30, [] {
    InternetAddress wanted;
    // What looks like an encoded word is read as one, even here.
    wanted.local_part =
        *rc::gen::suchThat(rc::gen::nonEmpty(printable_text()),
                           [](const std::string& text) { return !looks_encoded(text); });
    wanted.domain = *rc::gen::element<std::string>("example.com", "x", "[192.0.2.1]", "a-b.example",
                                                   "b\xC3\xBC\x63her.example");
    const auto path = parse_path("<" + wanted.str() + ">");
    RC_ASSERT(path.has_value());
    RC_ASSERT(*path == wanted);
    const AddressList list =
        parse_address_list("A <" + wanted.str() + ">,\r\n " + wanted.str() + " (B)");
    RC_ASSERT(list.addresses.size() == 2U);
    RC_ASSERT(list.addresses[0].address == wanted);
    RC_ASSERT(list.addresses[1].address == wanted);
  });
}

TEST_CASE("a text that a character set can hold comes back from it", "[property]") {
  using smtpgate::postoffice::CharacterDecoder;
  using smtpgate::postoffice::CharacterEncoder;
  check_property(300, 60, [] {
    const std::string set = *rc::gen::element<std::string>(
        "UTF-8", "UTF-7", "UTF-16", "UTF-32LE", "ISO-2022-JP", "EUC-JP", "CP932", "GB18030",
        "EUC-KR", "BIG5", "KOI8-R", "CP437", "CP850", "windows-1252", "ISO-8859-7");
    const std::string text = *joined_from(
        {"a", "Z", "7", " ", "\n", "+", "~", "\\", "-", "\xC3\xBC", "\xC3\xA9", "\xCE\xB1",
         "\xD0\x96", "\xE3\x81\x82", "\xE4\xB8\xAD", "\xED\x95\x9C", "\xF0\x9F\x93\x8E"});
    auto encoder = CharacterEncoder::open(set);
    auto decoder = CharacterDecoder::open(set);
    RC_ASSERT(encoder.has_value());
    RC_ASSERT(decoder.has_value());
    std::string written;
    for (const std::string& piece : cut_anywhere(text)) encoder->feed(piece, written);
    encoder->finish(written);
    std::string found;
    for (const std::string& piece : cut_anywhere(written)) decoder->feed(piece, found);
    decoder->finish(found);
    RC_ASSERT(decoder->replaced() == 0U);
    if (encoder->replaced() == 0) RC_ASSERT(found == text);
    // The nearest character of a set is one character, and nothing is swallowed.
    RC_ASSERT(smtpgate::postoffice::is_utf8(found));
    RC_ASSERT(found.empty() == text.empty());
  });
}
