// TNEF's outer layer: a signature and a sequence of attributes, each with level, number, length,
// octets and check sum. Octets in, in pieces of any size; attributes out, as events; nothing is
// kept. Not for what an attribute means (tnef_message_reader.h).
//
// Source: MS-OXTNEF 2.1.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace smtpgate::converter {

struct TnefAttribute {
  std::uint8_t level = 0;  ///< tnef::level
  std::uint32_t id = 0;    ///< tnef::attribute
  std::uint32_t size = 0;  ///< as told; there may be fewer octets
};

class TnefAttributeHandler {
 public:
  virtual ~TnefAttributeHandler() = default;
  virtual void begin_attribute(const TnefAttribute& attribute) = 0;
  virtual void attribute_octets(std::string_view octets) = 0;
  /// `is_whole`: all its octets came. `checksum_is_right` is true too where the check sum is cut
  /// off.
  virtual void end_attribute(bool is_whole, bool checksum_is_right) = 0;
};

class TnefAttributeReader {
 public:
  /// `handler` outlives the reader.
  explicit TnefAttributeReader(TnefAttributeHandler& handler) : handler_(handler) {}

  void feed(std::string_view piece);
  void finish();

  /// It begins with the signature.
  bool is_tnef() const { return state_ != State::signature && state_ != State::no_tnef; }
  /// It ends inside an attribute, or something follows that is none (blanks and NULs are forgiven).
  bool is_damaged() const { return is_damaged_; }

 private:
  enum class State { signature, header, data, checksum, garbage, no_tnef };
  bool gather(std::string_view& piece, std::size_t size);
  void end_attribute(bool is_whole, bool checksum_is_right);

  TnefAttributeHandler& handler_;
  State state_ = State::signature;
  std::array<char, 9> held_{};
  std::size_t held_size_ = 0;
  std::uint32_t left_ = 0;  ///< octets of the attribute's data
  std::uint16_t sum_ = 0;
  bool is_damaged_ = false;
};

}  // namespace smtpgate::converter
