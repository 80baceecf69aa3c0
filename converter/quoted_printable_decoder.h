// quoted-printable (RFC 2045, 6.7) as a TransferDecoder, forgiving:
// - an escape that is none stays as it is written and is counted;
// - blanks at the end of a line stay, against RFC 2045, 6.7 (3): relays that add blanks are gone,
//   senders who leave the one of "-- " unencoded are not; after the '=' of a soft line break they
//   go;
// - a '=' at the very end goes (a soft line break that was cut);
// - octets above 126 stay as they are and are not counted: many senders leave them unencoded, and
//   nothing is in doubt about them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "converter/transfer_decoder.h"

namespace smtpgate::converter {

class QuotedPrintableDecoder : public TransferDecoder {
 public:
  explicit QuotedPrintableDecoder(std::string_view line_end) : line_end_(line_end) {}

  void feed(std::string_view piece, std::string& out) override;
  void finish(std::string& out) override;
  std::uint64_t errors() const override { return errors_; }

 private:
  enum class Place {
    text,         // nothing held
    blanks,       // held_: blanks
    blanks_cr,    // held_: blanks, perhaps none, and CR: a line end if LF follows
    escape,       // held_: '='
    escape_hex,   // held_: '=' and a hexadecimal digit
    soft_blanks,  // held_: '=' and blanks
    soft_cr,      // held_: '=', blanks, perhaps none, and CR
  };

  std::size_t line(std::string_view piece, std::string& out);
  void decode_run(std::string_view run, std::string& out);
  // Each is true if the octet in hand is used up.
  bool step(char c, std::string& out);
  bool hold(char c, Place place);
  bool drop_held();
  bool keep_held(bool is_error, std::string& out);

  std::string line_end_;
  Place place_ = Place::text;
  std::string held_;  // bounded, see longest_held
  std::uint64_t errors_ = 0;
};

}  // namespace smtpgate::converter
