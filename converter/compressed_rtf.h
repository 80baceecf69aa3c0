// PR_RTF_COMPRESSED: RTF as MAPI stores it, compressed ("LZFu") or not ("MELA"). Octets in, in
// pieces of any size; RTF out, at most eight times as much. Not for reading the RTF
// (rtf_to_text.h).
//
// Source: MS-OXRTFCP 2.1 to 3.1.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace smtpgate::converter {

class CompressedRtfDecoder {
 public:
  CompressedRtfDecoder();

  void feed(std::string_view piece, std::string& out);
  void finish();

  /// No such format, or cut short. What came out until then is right.
  bool is_damaged() const { return is_damaged_; }
  bool is_checksum_wrong() const { return is_checksum_wrong_; }

 private:
  enum class State { header, control, token, reference, stored, done };
  void take_header();
  void take(char c, std::string& out);
  void next_token();
  void put(char c, std::string& out);
  void copy_reference(unsigned reference, std::string& out);
  void add_to_checksum(std::string_view octets);

  static constexpr std::size_t dictionary_size = 4096;
  static constexpr std::size_t header_size = 16;

  State state_ = State::header;
  std::array<char, header_size> header_{};
  std::size_t header_held_ = 0;
  std::uint32_t wanted_checksum_ = 0;
  std::uint32_t checksum_ = 0;
  std::uint64_t contents_left_ = 0;  ///< octets behind the header that the check sum covers
  std::uint32_t raw_size_ = 0;       ///< what it must give, as told
  std::uint64_t produced_ = 0;
  bool is_compressed_ = false;
  unsigned control_ = 0;
  unsigned tokens_left_ = 0;  ///< of this control octet
  unsigned first_of_reference_ = 0;
  std::array<char, dictionary_size> dictionary_{};
  std::size_t write_ = 0;
  std::size_t filled_ = 0;  ///< octets of the dictionary that were ever written
  bool is_damaged_ = false;
  bool is_checksum_wrong_ = false;
};

}  // namespace smtpgate::converter
