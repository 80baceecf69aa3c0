// Characters that a set lacks, as the nearest that it has: what CharacterEncoder asks for one
// character at a time. Looking one up (a decomposition, then an iconv call for each character that
// it gives) is a hundred times dearer than copying it, so the latest answers are kept in a small
// table: text in a script that the set lacks repeats its characters.
//
// For character_encoder.cpp only. Belongs to one thread. Memory: at most 4096 answers of some tens
// of octets, none before the first question.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "postoffice/iconv_handle.h"

namespace smtpgate::postoffice {

class NearestEncoder {
 public:
  /// `is_stateless`: each character's octets are the same wherever it stands, so that answers may
  /// be kept.
  explicit NearestEncoder(bool is_stateless) : is_stateless_(is_stateless) {}

  /// Appends the kept answer for `code`; false if there is none.
  bool append_known(char32_t code, std::string& out) const;
  /// Looks up what stands for `code` and appends it as `iconv` has it; "?" for what that lacks too.
  void append(char32_t code, Iconv& iconv, std::string& out);

  std::uint64_t lookups() const { return lookups_; }

 private:
  struct Answer {
    char32_t code = 0;
    std::string octets;
  };

  bool is_stateless_;
  std::uint64_t lookups_ = 0;
  std::vector<Answer> answers_;  ///< at the code's low bits; empty until the first is kept
};

}  // namespace smtpgate::postoffice
