// BinHex 4.0 in a text (RFC 1741, appendix A): "(This file must be converted with BinHex 4.0)",
// then 6-bit characters between two colons, in which runs are shortened and a Macintosh file lies:
// name, data fork, resource fork, each with a check sum.
//
// Nothing is told before the header's check sum was right. Memory does not depend on the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "converter/text_block.h"

namespace smtpgate::converter {

/// How the line above a BinHex file begins: "... with BinHex 4.0)" as a rule; what follows is not
/// the same everywhere, and need not be, because the header has a check sum.
inline constexpr std::string_view binhex_comment = "(This file must be converted";

class BinhexBlock : public TextBlock {
 public:
  explicit BinhexBlock(EmbeddedFileHandler& handler) : file_(handler) {}

  BlockLine line(std::string_view line) override;
  void close() override;

 private:
  enum class Stage { header, data, data_sum, resource, resource_sum, complete, broken };

  bool character(char c);
  void expand(unsigned char octet);
  void octet(unsigned char octet, unsigned times);
  void header_octet(unsigned char octet);
  void fork_octets(unsigned char octet, unsigned times);
  void sum_octet(unsigned char octet);
  void begin_fork(Stage fork);

  Stage stage_ = Stage::header;
  bool is_inside_ = false;  ///< behind the first colon
  std::uint32_t bits_ = 0;
  unsigned bit_count_ = 0;
  unsigned char last_ = 0;  ///< the octet that a run repeats
  bool after_marker_ = false;
  std::string header_;
  std::string name_;
  std::uint64_t data_size_ = 0;
  std::uint64_t resource_size_ = 0;
  std::uint64_t left_ = 0;      ///< octets of the fork being read
  std::uint64_t expanded_ = 0;  ///< octets, of all
  std::uint64_t characters_ = 0;
  std::uint16_t crc_ = 0;
  unsigned sum_octets_ = 0;
  std::uint16_t sum_ = 0;
  bool is_too_large_ = false;
  BlockFile file_;
};

}  // namespace smtpgate::converter
