// What the File Format API programs, smtpput and smtpget, have in common: where their errors go,
// their -f switch, and files that a person names.
#pragma once

#include <fstream>
#include <optional>
#include <string>

#include "postoffice/mmff.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// Where errors go: standard output, or the log, which hears of what was done too.
class FileFormatReport {
 public:
  explicit FileFormatReport(std::string program) : program_(std::move(program)) {}

  /// False if the log cannot be written; that is said on standard output.
  bool open(const std::string& log, std::string file);
  void use_clock_of(const Postoffice& postoffice) { clock_ = &postoffice; }

  /// Printable text; "141-1-2 text".
  void error(const std::string& text);
  void done(const std::string& text);

 private:
  void to_log(const std::string& text);

  std::string program_;
  std::ofstream log_;
  std::string file_;
  const Postoffice* clock_ = nullptr;
};

/// The links of a path followed: a person may give one, and the file system door follows none.
std::string without_links(const std::string& path);

/// Of -f0, -f1, -f2; nothing for any other number.
std::optional<LineEnd> forced_line_end(int number);

}  // namespace smtpgate::postoffice
