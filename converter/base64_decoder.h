// base64 (RFC 2045, 6.8) as a TransferDecoder. Not for: base64 in encoded words, which is whole and
// short (encoded_word.h), though it may use this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "converter/transfer_decoder.h"

namespace smtpgate::converter {

class Base64Decoder : public TransferDecoder {
 public:
  void feed(std::string_view piece, std::string& out) override;
  void finish(std::string& out) override;
  std::uint64_t errors() const override { return errors_; }

 private:
  struct Cursor;
  static const unsigned char* decode_quanta(const unsigned char* at, const unsigned char* end,
                                            Cursor& cursor);
  void decode_one(unsigned char octet, Cursor& cursor);
  void end_quantum(Cursor& cursor);

  std::uint32_t bits_ = 0;  // the sextets of the quantum that is not full yet
  unsigned sextets_ = 0;    // how many: 0 to 3
  std::uint64_t errors_ = 0;
};

}  // namespace smtpgate::converter
