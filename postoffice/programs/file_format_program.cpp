// See the header.
#include "postoffice/programs/file_format_program.h"

#include <cerrno>
#include <ctime>
#include <iostream>
#include <system_error>

#include <boost/filesystem.hpp>
#include <fmt/format.h>

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

std::optional<LineEnd> forced_line_end(int number) {
  switch (number) {
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

}  // namespace smtpgate::postoffice
