// Content-Transfer-Encoding, decoded as a stream: base64, quoted-printable, and the identity
// encodings with their line ends. Forgiving: what is not of the alphabet is skipped and counted;
// data after padding is decoded too (glued pieces); a cut end gives what is there. uuencode and its
// kin (block_transfer_decoder.h) are strict, because they stand in a text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::converter {

enum class TransferEncoding {
  seven_bit,
  eight_bit,
  binary,
  quoted_printable,
  base64,
  file_in_text,  ///< uuencode, xxencode, yEnc, BinHex 4.0: the part is one file
  unknown,
};

/// "base64", "Quoted-Printable", "x-base64?" ...; comments and blanks forgiven; empty is seven_bit.
TransferEncoding parse_transfer_encoding(std::string_view value);

class TransferDecoder {
 public:
  virtual ~TransferDecoder() = default;
  /// Appends the octets of `piece` decoded; pieces may be cut anywhere. The input has CRLF line
  /// ends.
  virtual void feed(std::string_view piece, std::string& out) = 0;
  /// The octets of `piece` decoded: a view of `room`, whose content goes, or of `piece` itself
  /// where there is nothing to decode.
  virtual std::string_view decoded(std::string_view piece, std::string& room) {
    room.clear();
    feed(piece, room);
    return room;
  }
  /// The same where only their number is wanted.
  virtual std::size_t count(std::string_view piece, std::string& room) {
    return decoded(piece, room).size();
  }
  virtual void finish(std::string& out) = 0;
  /// Octets skipped or taken as they were because they are no such encoding (blanks and line ends
  /// do not count).
  virtual std::uint64_t errors() const = 0;

  // Of file_in_text only, once it is finished:
  /// No file was in it, so nothing came out.
  virtual bool found_nothing() const { return false; }
  /// What the encoding itself calls the file; UTF-8.
  virtual std::string found_name() const { return {}; }
  /// What was odd about the file (docs/conversion.md).
  virtual std::vector<std::string> marks() const { return {}; }
};

/// `line_end` ("\n", "\r\n", "\r") replaces each CRLF of the identity encodings and each hard line
/// break of quoted-printable; binary and base64 know no lines. unknown is treated as eight_bit.
std::unique_ptr<TransferDecoder> make_transfer_decoder(TransferEncoding encoding,
                                                       std::string_view line_end);

/// The same for a text. One that is labelled base64 and is plain text all the same, by its first
/// 1,024 octets, is decoded as eight_bit; `encoding` is then set to that at the latest in finish()
/// (it outlives the decoder).
std::unique_ptr<TransferDecoder> make_text_decoder(TransferEncoding& encoding,
                                                   std::string_view line_end);

/// What make_transfer_decoder() gives for these hands on the octets as they are.
bool keeps_octets(TransferEncoding encoding, std::string_view line_end);

}  // namespace smtpgate::converter
