// AppleSingle and AppleDouble: a Macintosh file as a stream, or what of it no other system keeps.
// The data fork becomes a file under its real name, a resource fork that is not empty one beside
// it. Forks wait in spools, because entries come in any order. Not for BinHex or MacBinary.
//
// Sources: RFC 1740; "AppleSingle/AppleDouble Formats for Foreign Files", version 2. Numbers are
// big-endian.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converter/leaf_expansion.h"
#include "converter/spool.h"

namespace smtpgate::converter {

class AppleFileReader : public LeafExpansion {
 public:
  explicit AppleFileReader(const ExpansionContext& context);

  void feed(std::string_view octets) override;
  void finish() override;
  std::vector<std::string> marks() const override;
  std::string real_name() const override { return name_; }
  const std::optional<postoffice::FileError>& error() const override { return error_; }

 private:
  enum class State { header, entries, contents, no_apple_file };
  struct Entry {
    bool is_there = false;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint64_t taken = 0;
  };
  bool gather(std::string_view& octets, std::size_t size);
  void take_header();
  void take_entry();
  /// What of `octets`, which stand at position_, belongs to the entry.
  std::string_view part_of(Entry& entry, std::string_view octets) const;
  void take_contents(std::string_view octets);
  void write(Spool& spool, std::string_view octets);
  void tell(Spool& octets, const Entry& entry, std::string name);

  ExpansionContext context_;
  State state_ = State::header;
  std::array<char, 26> held_{};
  std::size_t held_size_ = 0;
  std::uint64_t position_ = 0;  ///< octets taken so far
  unsigned entries_left_ = 0;
  Entry data_;
  Entry resource_;
  Entry real_name_;
  Spool data_fork_;
  Spool resource_fork_;
  std::string name_;
  std::optional<postoffice::FileError> error_;
};

}  // namespace smtpgate::converter
