// File names out of names that strangers chose: attachments' names for the ATTACHMENT line and for
// extracting. The one place that decides what a safe name is. Not for mailbox names (address.h).
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace smtpgate::postoffice {

/// CON, PRN, AUX, NUL, COM0 to LPT9 and their kin, in any case, with or without an extension: names
/// that DOS and Windows never take for a file.
bool is_dos_device_name(std::string_view name);

/// `wanted` (UTF-8, anything in it) as one path component that is safe on Unix, DOS and Windows:
/// directories in front taken off (both slashes), control, format and bidirectional characters out,
/// reserved characters and trailing dots or blanks replaced or removed, DOS device names prefixed
/// with '_', no leading dot, at most `longest` octets with the extension kept. Empty results become
/// `fallback`.
std::string safe_file_name(std::string_view wanted, std::string_view fallback,
                           std::size_t longest = 200);

/// Gives each name once, compared without regard to case (ASCII and NFC): "a.txt", "a-2.txt",
/// "a-3.txt".
class UniqueNames {
 public:
  std::string take(const std::string& name);

 private:
  std::set<std::string> taken_;
  std::map<std::string, unsigned long> next_;  ///< so that many equal names stay linear
};

}  // namespace smtpgate::postoffice
