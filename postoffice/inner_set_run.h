// Runs of another set inside a set that is ASCII otherwise: collected, so that they are converted
// many octets at a time, and ended before the ASCII behind them. What the decoders of ISO-2022-JP
// and HZ have in common.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace smtpgate::postoffice {

class CharacterDecoder;

/// Not for use by two threads at a time.
class InnerSetRun {
 public:
  explicit InnerSetRun(std::string_view set);
  ~InnerSetRun();
  InnerSetRun(InnerSetRun&&) noexcept;
  InnerSetRun& operator=(InnerSetRun&&) noexcept;

  /// A further octet; `out` gets what was collected when that is much.
  void add(char octet, std::string& out);
  /// Appends what was collected as UTF-8, but for half a character.
  void flush(std::string& out);
  /// Something else follows: half a character is U+FFFD. Nothing, if the run is empty.
  void end(std::string& out);
  std::uint64_t replaced() const;

 private:
  std::unique_ptr<CharacterDecoder> decoder_;
  std::string octets_;    ///< not yet decoded
  bool is_open_ = false;  ///< octets came since the last end
  std::uint64_t replaced_ = 0;
};

}  // namespace smtpgate::postoffice
