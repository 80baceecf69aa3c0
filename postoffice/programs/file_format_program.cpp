// See the header.
#include "postoffice/programs/file_format_program.h"

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <exception>
#include <iostream>
#include <system_error>

#include <boost/filesystem.hpp>
#include <fmt/format.h>
#include <sysexits.h>

#include "postoffice/printable.h"

namespace smtpgate::postoffice {

bool FileFormatReport::open(const std::string& log, std::string file) {
  file_ = std::move(file);
  if (log.empty()) return true;
  log_.open(log, std::ios::app);
  if (log_.is_open()) return true;
  std::cout << program_ << ": cannot write the log " << printable(log) << ": "
            << std::generic_category().message(errno) << '\n';
  return false;
}

void FileFormatReport::error(const std::string& text) {
  if (log_.is_open()) {
    to_log(text);
  } else {
    std::cout << text << '\n';
  }
}

void FileFormatReport::done(const std::string& text) {
  if (log_.is_open()) to_log(text);
}

void FileFormatReport::to_log(const std::string& text) {
  const std::time_t now = std::time(nullptr);
  const std::string moment =
      clock_ == nullptr ? std::to_string(now) : clock_->local_time(now).rfc3339;
  log_ << fmt::format("{} {} {}: {}\n", moment, program_, printable(file_), text) << std::flush;
}

std::string without_links(const std::string& path) {
  boost::system::error_code error;
  const auto resolved = boost::filesystem::canonical(path, error);
  return error ? path : resolved.string();
}

std::optional<LineEnd> FileFormatOptions::forced_line_end() const {
  switch (line_end) {
    case 0:
      return LineEnd::cr;
    case 1:
      return LineEnd::lf;
    case 2:
      return LineEnd::crlf;
    default:
      return std::nullopt;
  }
}

void add_options(CLI::App& app, FileFormatOptions& options, const std::string& line_ends,
                 const std::string& logged) {
  app.set_help_flag("--help", "Print this help message and exit");
  app.set_version_flag("--version", app.get_name() + " (smtpgate) " SMTPGATE_VERSION);
  app.add_option("-d", options.directory, "The postoffice's folder")
      ->required()
      ->envname("POSTOFFICE")
      ->type_name("FOLDER");
  app.add_option("-f", options.line_end, line_ends)->type_name("0|1|2")->check(CLI::Range(0, 2));
  app.add_option("-l", options.log, "Append errors and " + logged + " to LOG")->type_name("LOG");
}

int run_program(const char* program, int count, char** words, int (*run)(int, char**)) {
  try {
    return run(count, words);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", program, error.what());
    return EX_SOFTWARE;
  }
}

}  // namespace smtpgate::postoffice
