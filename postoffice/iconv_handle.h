// One open conversion of glibc's iconv, as a value that closes itself. For character_decoder.cpp
// and character_encoder.cpp only; everybody else uses character_set.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <iconv.h>

namespace smtpgate::postoffice {

class Iconv {
 public:
  /// Why convert() stopped.
  enum class Stop {
    done,        ///< all input was taken
    illegal,     ///< the input now begins with what cannot be converted
    incomplete,  ///< the input now begins with what may be the start of a character
  };

  /// Closed: converts nothing.
  Iconv() : handle_(closed()) {}
  /// nullopt if a name is not one that may reach iconv (is_safe_name()) or iconv refuses it.
  static std::optional<Iconv> open(std::string_view to, std::string_view from);

  Iconv(Iconv&& other) noexcept : handle_(std::exchange(other.handle_, closed())) {}
  Iconv& operator=(Iconv&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Iconv();

  bool is_open() const { return handle_ != closed(); }

  /// Takes octets from the front of `input` and appends what they become to `out`.
  Stop convert(std::string_view& input, std::string& out);
  /// Appends what returns the output to its initial state (and characters that were held back).
  void reset(std::string& out);

 private:
  explicit Iconv(iconv_t handle) : handle_(handle) {}
  static iconv_t closed();
  Stop call(char** input, std::size_t* input_left, std::string& out);

  iconv_t handle_;
};

}  // namespace smtpgate::postoffice
