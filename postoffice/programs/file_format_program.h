// What the File Format API programs, smtpput and smtpget, have in common: where their errors go,
// the switches that both have, and files that a person names.
#pragma once

#include <fstream>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

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

/// The switches that both have: -d FOLDER, -f0|1|2, -l LOG.
struct FileFormatOptions {
  std::string directory;
  int line_end = -1;
  std::string log;

  /// What -f forces; nothing without it.
  std::optional<LineEnd> forced_line_end() const;
};
/// Adds them to a program's, with --help and --version. `line_ends` says whose lines -f is for,
/// `logged` what is logged besides errors.
void add_options(CLI::App& app, FileFormatOptions& options, const std::string& line_ends,
                 const std::string& logged);

/// main() of both: what `run` throws is told in the name of `program`.
int run_program(const char* program, int count, char** words, int (*run)(int, char**));

}  // namespace smtpgate::postoffice
